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

func TestDecodingRefusals(t *testing.T) {
	for sent, want := range map[string]error{
		"%zz":  clientauth.ErrBasicEscape,
		"100%": clientauth.ErrBasicEscape,
		"\xff": clientauth.ErrBasicCharacter,
		"%ff":  clientauth.ErrBasicCharacter,
	} {
		if _, err := read(t, clientauth.Config{Decoding: clientauth.DecodingForm}, basic("app:"+sent)); !errors.Is(err, want) {
			t.Errorf("form decoding of %q: got %v, want %v", sent, err, want)
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
	for _, sent := range []string{"form:100%", "form+d:100%"} {
		if _, err := read(t, config, basic(sent)); !errors.Is(err, clientauth.ErrBasicEscape) {
			t.Errorf("%q, a client pinned to form: got %v, want %v", sent, err, clientauth.ErrBasicEscape)
		}
	}
}

// vectors are Authorization fields as real clients were seen to send them.
type vectors struct {
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	Encoders     []struct{ Name, Header, Form string }
	Published    []vector
	EmptySecret  []vector `json:"empty_secret"`
}

type vector struct {
	Header       string
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
}

func loadVectors(t *testing.T) vectors {
	t.Helper()
	text, err := os.ReadFile("testdata/basic.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Encoders) < 9 || len(v.Published) < 2 || len(v.EmptySecret) < 2 {
		t.Fatalf("the vectors are incomplete: %d encoders, %d published, %d empty", len(v.Encoders), len(v.Published), len(v.EmptySecret))
	}
	return v
}

func TestEveryEncoderIsReadRight(t *testing.T) {
	v := loadVectors(t)
	for _, e := range v.Encoders {
		t.Run(e.Name, func(t *testing.T) {
			c, err := read(t, clientauth.Config{}, e.Header)
			if err != nil || c.ClientID != v.ClientID || c.Secret.Reveal() != v.ClientSecret {
				t.Errorf("auto: got %q %q %v", c.ClientID, c.Secret.Reveal(), err)
			}
			c, err = read(t, clientauth.Config{Decoding: clientauth.DecodingForm}, e.Header)
			exact := err == nil && c.ClientID == v.ClientID && c.Secret.Reveal() == v.ClientSecret
			if (e.Form == "exact") != exact || (e.Form == "refused") != (err != nil) {
				t.Errorf("form: got %q %q %v, want it %s", c.ClientID, c.Secret.Reveal(), err, e.Form)
			}
		})
	}
	for _, p := range append(v.Published, v.EmptySecret...) {
		c, err := read(t, clientauth.Config{}, p.Header)
		if err != nil || c.ClientID != p.ClientID || c.Secret.Reveal() != p.ClientSecret {
			t.Errorf("%s: got %q %q %v", p.Header, c.ClientID, c.Secret.Reveal(), err)
		}
	}
}
