package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"time"
)

// finer is how many times as many turns this part takes as the others, each as much
// shorter, because the differences are small.
const finer = 4

// Gateways that differ from oauthgw in their configuration only. They send requests with
// Basic as it does.
var (
	plain      = configured("oauthgw plain")
	again      = configured("oauthgw again") // differs from plain by noise only
	secretless = configured("oauthgw secretless", "secretless.yaml", "kept.secret", "client.jwks")
	repairs    = configured("oauthgw repairs", "repairs.yaml")
)

func configured(name string, files ...string) *contender {
	c := &contender{name: name, command: oauthgw.command, files: files, rewrites: []*workload{token, lent, asserted}}
	if files != nil {
		c.command += " --config.file={{directory}}/" + files[0]
	}
	return c
}

var (
	lent = &workload{"lent", "Token requests of a public client", same(newTokenRequest("", "&client_id=agent")),
		"200", "", token.rewritten, nil}
	asserted = &workload{"assertion", "Token requests with an ES256 assertion", takeAssertion,
		"200", "", token.rewritten, signAssertions}
)

// measureSecretless compares gateways that lend secrets, verify assertions or repair
// with one that does none of it.
func (o options) measureSecretless(ctx context.Context, f *fixture, r *results) error {
	p, err := f.startEach(ctx, plain, again, secretless, repairs)
	if err != nil {
		return err
	}
	for range o.rounds {
		r.signature = append(r.signature, verifyTime())
	}
	o.rounds, o.duration = finer*o.rounds, o.duration/finer
	return o.record(ctx, r, turn{p[0], saturation(token)}, turn{p[1], saturation(token)},
		turn{p[2], saturation(lent)}, turn{p[2], saturation(asserted)}, turn{p[3], saturation(token)})
}

// clientKey is that of RFC 7515 appendix A.3. Its public half is in client.jwks.
var clientKey = func() *ecdsa.PrivateKey {
	d, _ := base64.RawURLEncoding.DecodeString("jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI")
	key, _ := ecdsa.ParseRawPrivateKey(elliptic.P256(), d) // d is a valid key
	return key
}()

// signed are token requests with assertions. They are signed before a turn.
var signed = make(chan []byte, 4096)

func signAssertions() {
	for len(signed) < cap(signed) {
		signed <- newAssertion(fmt.Sprintf("billing-%d", len(signed)%4))
	}
}

func takeAssertion(*contender, int) []byte {
	select {
	case request := <-signed:
		return request
	default:
		return nil
	}
}

// newAssertion returns a token request with an assertion of a client.
func newAssertion(id string) []byte {
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(`{"alg":"ES256","typ":"JWT"}`)) + "." + encode(fmt.Appendf(nil,
		`{"iss":%q,"sub":%[1]q,"aud":%q,"jti":%q,"exp":%d}`, id, origin, rand.Text(), time.Now().Unix()+30))
	sum := sha256.Sum256([]byte(text))
	a, b, _ := ecdsa.Sign(rand.Reader, clientKey, sum[:]) // a wrong signature ends the run
	signature := make([]byte, 64)
	a.FillBytes(signature[:32])
	b.FillBytes(signature[32:])
	return newTokenRequest("", "&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"+
		"&client_assertion="+text+"."+encode(signature))
}

// verifyTime returns the time of verifying one ES256 signature, in microseconds. The
// median leaves out those that waited for a processor.
func verifyTime() float64 {
	hash := sha256.Sum256([]byte(origin))
	signature, _ := ecdsa.SignASN1(rand.Reader, clientKey, hash[:])
	times := make([]float64, 1000)
	for i := range times {
		start := time.Now()
		if !ecdsa.VerifyASN1(&clientKey.PublicKey, hash[:], signature) {
			panic("the signature does not verify")
		}
		times[i] = float64(time.Since(start).Nanoseconds()) / 1e3
	}
	return spreadOf(times).median
}
