package clientauth_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"oauthgw/clientauth"
)

const canary = "canary-7b1f"

// hidden has the secret where fmt finds it by reflection only.
type hidden struct {
	credentials clientauth.Credentials
	secret      clientauth.Secret
	form        *clientauth.Form
}

func TestA096SecretsAreNotPrinted(t *testing.T) {
	secret := clientauth.NewSecret(canary)
	form, err := clientauth.ParseForm("client_secret=" + canary)
	if err != nil {
		t.Fatal(err)
	}
	credentials := clientauth.Credentials{Secret: secret}
	values := []any{secret, &secret, form, credentials, &credentials,
		hidden{credentials, secret, form}, &hidden{credentials, secret, form},
		[]clientauth.Secret{secret}, map[string]clientauth.Secret{"a": secret},
		clientauth.Request{Form: form, Query: form}}
	var out strings.Builder
	text := slog.New(slog.NewTextHandler(&out, nil))
	structured := slog.New(slog.NewJSONHandler(&out, nil))
	for _, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&out, verb, v)
		}
		encoded, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(encoded)
		text.Info("m", "v", v)
		structured.Info("m", "v", v)
	}
	for _, form := range []string{canary, fmt.Sprintf("%x", canary)} {
		if strings.Contains(out.String(), form) {
			t.Errorf("the secret shows: %s", out.String())
		}
	}
	if !strings.Contains(out.String(), "[redacted]") || secret.Reveal() != canary {
		t.Error("the test printed nothing")
	}
}

func TestA101SecretEquality(t *testing.T) {
	a := clientauth.NewSecret("a")
	if !a.Equal(clientauth.NewSecret("a")) || a.Equal(clientauth.NewSecret("b")) || a.Equal(clientauth.Secret{}) {
		t.Error("Equal does not compare the values")
	}
	if !clientauth.NewSecret("").IsZero() || a.IsZero() || (clientauth.Secret{}).Reveal() != "" {
		t.Error("an empty secret is not the zero value")
	}
}

// RFC 6749 section 5.2 limits a description to these characters.
func TestRefusalsSpeakTheStandardsAlphabet(t *testing.T) {
	refusals := []*clientauth.Error{
		clientauth.ErrRepeatedAuthorization, clientauth.ErrLongAuthorization, clientauth.ErrMalformedBasic,
		clientauth.ErrEncodedColon, clientauth.ErrEmptyClientID, clientauth.ErrBasicEscape, clientauth.ErrBasicCharacter,
		clientauth.ErrMultipleMethods, clientauth.ErrDifferentClientID, clientauth.ErrQueryCredentials, clientauth.ErrNotForm,
		clientauth.ErrMalformedForm, clientauth.ErrFormCharacter, clientauth.ErrRepeatedParameter,
		clientauth.ErrDisguisedParameter, clientauth.ErrManyParameters, clientauth.ErrLongParameter,
	}
	reasons := map[string]bool{}
	for _, e := range refusals {
		for _, c := range e.Description {
			if c < 0x20 || c > 0x7e || c == '"' || c == '\\' {
				t.Errorf("%s: %q is not allowed in a description", e.Reason, c)
			}
		}
		if reasons[e.Reason] || e.Reason == "" {
			t.Errorf("reason %q is empty or used twice", e.Reason)
		}
		reasons[e.Reason] = true
	}
	body, err := json.Marshal(clientauth.ErrEmptyClientID)
	var members map[string]string
	if err != nil || json.Unmarshal(body, &members) != nil ||
		!reflect.DeepEqual(members, map[string]string{"error": "invalid_client", "error_description": clientauth.ErrEmptyClientID.Description}) {
		t.Errorf("got %s, %v", body, err)
	}
}
