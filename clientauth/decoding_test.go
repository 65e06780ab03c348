package clientauth_test

import (
	"encoding/json"
	"errors"
	"os"
	"testing"

	"oauthgw/clientauth"
)

func read(t *testing.T, config clientauth.Config, authorization string) (clientauth.Credentials, error) {
	t.Helper()
	return clientauth.New(config).Read(request(t, []string{authorization}, "", "grant_type=x"))
}

// The same bytes mean different secrets, as the table in conformance says.
func TestDecodings(t *testing.T) {
	const auto, form, raw = clientauth.DecodingAuto, clientauth.DecodingForm, clientauth.DecodingRaw
	for _, test := range []struct {
		decoding clientauth.Decoding
		sent     string
		secret   string
		reading  clientauth.Reading
	}{
		{form, "a+b", "a b", clientauth.ReadingForm},
		{raw, "a+b", "a+b", clientauth.ReadingRaw},
		{auto, "a+b", "a b", clientauth.ReadingAmbiguous},
		{form, "a%2Bb", "a+b", clientauth.ReadingForm},
		{raw, "a%2Bb", "a%2Bb", clientauth.ReadingRaw},
		{auto, "a%2Bb", "a+b", clientauth.ReadingAmbiguous},
		{raw, "100%", "100%", clientauth.ReadingRaw},
		{auto, "100%", "100%", clientauth.ReadingRaw},
		{raw, "%zz", "%zz", clientauth.ReadingRaw},
		{auto, "%zz", "%zz", clientauth.ReadingRaw},
		{form, "p@ss+word", "p@ss word", clientauth.ReadingForm},
		{auto, "p@ss+word", "p@ss+word", clientauth.ReadingRaw},
		{form, "abc-_~.", "abc-_~.", clientauth.ReadingPlain},
		{auto, "abc-_~.", "abc-_~.", clientauth.ReadingPlain},
		{auto, "a/b+c", "a/b+c", clientauth.ReadingRaw},
		{auto, "a/b%2Bc", "a/b+c", clientauth.ReadingAmbiguous},
		{auto, "a/b", "a/b", clientauth.ReadingPlain},
		{auto, "a%26client_id%3Devil", "a&client_id=evil", clientauth.ReadingAmbiguous},
		{auto, "\xff", "ÿ", clientauth.ReadingPlain},
		{raw, "é+", "é+", clientauth.ReadingRaw},
		{auto, "%E9", "é", clientauth.ReadingAmbiguous},
		{auto, "%4", "%4", clientauth.ReadingRaw},
	} {
		t.Run(string(test.decoding)+" "+test.sent, func(t *testing.T) {
			c, err := read(t, clientauth.Config{Decoding: test.decoding}, basic("app:"+test.sent))
			if err != nil || c.Secret.Reveal() != test.secret || c.Reading != test.reading {
				t.Errorf("got %q %s %v, want %q %s", c.Secret.Reveal(), c.Reading, err, test.secret, test.reading)
			}
		})
	}
}

func TestOneClientIsPinnedToADecoding(t *testing.T) {
	c, err := read(t, clientauth.Config{Clients: map[string]clientauth.Decoding{"app": clientauth.DecodingRaw}}, basic("app:x+y"))
	if got := c.Secret.Reveal(); err != nil || got != "x+y" {
		t.Errorf("got %q %v, want x+y", got, err)
	}
}

func TestDeleteIsNotInCredentials(t *testing.T) {
	for _, pair := range []string{"app:a\x7f", "a\x7fp:a"} {
		if _, err := read(t, clientauth.Config{}, basic(pair)); !errors.Is(err, clientauth.ErrBasicCharacter) {
			t.Errorf("%q: got %v, want %v", pair, err, clientauth.ErrBasicCharacter)
		}
	}
}

func TestClientIsPinnedToADecoding(t *testing.T) {
	config := clientauth.Config{Clients: map[string]clientauth.Decoding{
		"app": clientauth.DecodingRaw, "a b": clientauth.DecodingRaw, "a+c": clientauth.DecodingRaw,
		"form": clientauth.DecodingForm, "form d": clientauth.DecodingForm,
	}}
	for sent, want := range map[string]string{
		"app:x+y":    "app|x+y",
		"other:x+y":  "other|x y",
		"a@b:x%2By":  "a@b|x%2By", // one half proves the other unencoded
		"a b:x+y":    "a b|x+y",
		"a+c:x+y":    "a+c|x+y",
		"a+b:x+y":    "a b|x y", // encoded by a client that is not the pinned one
		"form:p@+":   "form|p@ ",
		"form+d:p@+": "form d|p@ ",
		"form d:p@+": "form d|p@ ",
		"app:100%":   "app|100%",
	} {
		c, err := read(t, config, basic(sent))
		if got := c.ClientID + "|" + c.Secret.Reveal(); err != nil || got != want {
			t.Errorf("%q: got %q %v, want %q", sent, got, err, want)
		}
	}
	for sent, want := range map[string]error{
		"form:100%": clientauth.ErrBasicEscape, "form+d:100%": clientauth.ErrBasicEscape, "form:%zz": clientauth.ErrBasicEscape,
		"form:\xff": clientauth.ErrBasicCharacter, "form:%ff": clientauth.ErrBasicCharacter,
	} {
		if _, err := read(t, config, basic(sent)); !errors.Is(err, want) {
			t.Errorf("%q, a client pinned to form: got %v, want %v", sent, err, want)
		}
	}
}

// vector is an Authorization field as a real client was seen to send it.
type vector struct {
	Header       string
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
}

// TestEncodersOfRealClients checks that the pair of every client is read right, and that the
// encoders of these tests are those of the clients.
func TestEncodersOfRealClients(t *testing.T) {
	text, err := os.ReadFile("testdata/basic.json")
	if err != nil {
		t.Fatal(err)
	}
	var v struct {
		vector
		Encoders    []struct{ Name, Header, Form string }
		Published   []vector
		EmptySecret []vector `json:"empty_secret"`
	}
	if err := json.Unmarshal(text, &v); err != nil || len(v.Encoders) != len(encoders()) || len(v.Published) < 2 || len(v.EmptySecret) < 2 {
		t.Fatalf("the vectors are incomplete: %+v, %v", v, err)
	}
	right := func(want vector, header string, d clientauth.Decoding) (bool, error) {
		c, err := read(t, clientauth.Config{Decoding: d}, header)
		return err == nil && c.ClientID == want.ClientID && c.Secret.Reveal() == want.ClientSecret, err
	}
	for i, e := range v.Encoders {
		t.Run(e.Name, func(t *testing.T) {
			if ok, err := right(v.vector, e.Header, ""); !ok {
				t.Errorf("auto: misread, %v", err)
			}
			exact, err := right(v.vector, e.Header, clientauth.DecodingForm)
			if (e.Form == "exact") != exact || (e.Form == "refused") != (err != nil) {
				t.Errorf("form: read right %v, %v, want it %s", exact, err, e.Form)
			}
			own := encoders()[i]
			if got := basic(own.encode(v.ClientID) + ":" + own.encode(v.ClientSecret)); own.name != e.Name || got != e.Header {
				t.Errorf("the encoder %s makes %s, want %s", own.name, got, e.Header)
			}
		})
	}
	for _, p := range append(v.Published, v.EmptySecret...) {
		if ok, err := right(p, p.Header, ""); !ok {
			t.Errorf("%s is misread, %v", p.Header, err)
		}
	}
}
