package doctor

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"oauthgw/clientauth"
	"oauthgw/internal/printable"
	"oauthgw/wellknown"
)

// checkAlgorithms checks the algorithms of client assertions where a method needs them (RFC 8414
// section 2, RFC 8725 section 3.1).
func checkAlgorithms(found *wellknown.Findings, o observation) {
	const subject, signedSecret = "metadata", "client_secret_jwt"
	used, _ := o.used()
	for _, name := range []clientauth.Endpoint{clientauth.Token, clientauth.Revocation, clientauth.Introspection} {
		member, listed := wellknown.AlgorithmsMember(name), used.Strings(wellknown.AlgorithmsMember(name))
		methods := slices.DeleteFunc(used.Strings(wellknown.MethodsMember(name)), func(m string) bool { return m != string(clientauth.PrivateKeyJWT) && m != signedSecret })
		if len(methods) == 0 {
			continue
		}
		found.AddIf(len(listed) == 0, wellknown.Warning, subject,
			"The metadata lists "+strings.Join(methods, " and ")+" in "+wellknown.MethodsMember(name)+", but lacks "+member+". It is required then (RFC 8414 section 2), so strict clients reject the metadata, and others guess an algorithm.",
			"Add it at the provider, or with metadata.patch in oauthgw.")
		found.AddIf(slices.Contains(listed, "none"), wellknown.Problem, subject,
			"The metadata lists the algorithm none in "+member+", where it must not be (RFC 8414 section 2). If the server accepts unsigned assertions, anyone can authenticate as any client.",
			"Let the server reject them, and remove none from the list.")
		symmetric := slices.DeleteFunc(slices.Clone(listed), func(alg string) bool { return !strings.HasPrefix(alg, "HS") })
		found.AddIf(len(symmetric) > 0 && !slices.Contains(methods, signedSecret), wellknown.Warning, subject,
			"The metadata lists "+printable.QuoteAll(symmetric)+" in "+member+" without client_secret_jwt. These algorithms have no private key. If the server takes a public key for their secret, anyone can authenticate as any client (RFC 8725 section 2.1).",
			"Let the server reject them with private_key_jwt, and remove them from the list.")
	}
}

// makeAssertion makes an assertion of the client that does not exist (RFC 7523 section 3). Its
// signature is random.
func (c *client) makeAssertion(md wellknown.Metadata) {
	algorithm, signature := "ES256", make([]byte, 64)
	if listed := md.Strings(wellknown.AlgorithmsMember(clientauth.Token)); !slices.Contains(listed, algorithm) && slices.Contains(listed, "RS256") {
		algorithm, signature = "RS256", make([]byte, 256)
	}
	_, _ = rand.Read(signature) // it never fails
	now := time.Now().Unix()
	claims, _ := json.Marshal(map[string]any{"iss": c.id, "sub": c.id, "aud": md.Issuer(), "jti": rand.Text(), "iat": now, "exp": now + 60}) // it cannot fail
	encode := base64.RawURLEncoding.EncodeToString
	c.assertion = encode([]byte(`{"alg":"`+algorithm+`"}`)) + "." + encode(claims) + "." + encode(signature)
}

// rejected returns what is wrong with the answer to the assertion, if one was sent. An error other than
// invalid_client counts only if a secret of the unknown client does not get the same one.
func (e endpoint) rejected() wellknown.Findings {
	a := e.assertion
	if a.method == "" {
		return nil
	}
	found := failures(e, a)
	if found != nil {
		return found
	}
	found = violations(e, a)
	found.AddIf(a.status >= 400 && a.code != "" && a.code != clientauth.CodeInvalidClient && a.code != e.post.code, wellknown.Note, e.subject(),
		"is "+a.String()+" and not invalid_client (RFC 7521 section 4.2.1), so the server may not read assertions, although the metadata lists private_key_jwt.",
		"If this is oauthgw with clients.CLIENT_ID.assertions, do nothing: it sends the assertions of other clients to the provider. Otherwise remove private_key_jwt from the list, or let oauthgw verify the assertions.")
	return found
}
