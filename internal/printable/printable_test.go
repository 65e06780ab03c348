package printable_test

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"oauthgw/internal/printable"
)

func TestText(t *testing.T) {
	for text, want := range map[string]string{
		"":                "",
		"https://a/t?b=c": "https://a/t?b=c",
		"Ünïcode 漢字 עברית 🙂 e\u0301 \ufffd": "Ünïcode 漢字 עברית 🙂 e\u0301 \ufffd",
		"\x00\x1b[2J\a\x7f":              `\u0000\u001b[2J\u0007\u007f`,
		"a\r\nb\tc":                      `a\u000d\u000ab\u0009c`,
		"\u0080\u0085\u009b\u009f":       `\u0080\u0085\u009b\u009f`,
		"\u061c\u200e\u200f\u202a\u202e": `\u061c\u200e\u200f\u202a\u202e`,
		"\u2066\u2069\u2028\u2029":       `\u2066\u2069\u2028\u2029`,
		"\u00ad\u200b\u2060\ufeff":       `\u00ad\u200b\u2060\ufeff`,
		"\U000e0041\ue000":               `\udb40\udc41\ue000`,
		"\u3164\u115f\u1160\uffa0\u034f": `\u3164\u115f\u1160\uffa0\u034f`,
		"\u180b\ufe00\ufe0f\U000e0100":   `\u180b\ufe00\ufe0f\udb40\udd00`,
		"\u2800\U0001d159\U00013441":     `\u2800\ud834\udd59\ud80d\udc41`,
		"\xff\xc2":                       `\xff\xc2`,
	} {
		if got := printable.Text(text); got != want {
			t.Errorf("%+q: got %+q, want %+q", text, got, want)
		}
	}
}

// Escaped JSON means the same.
func TestWriterKeepsJSON(t *testing.T) {
	text := "a\\\u009b\"\u202e\x1b\n\u2028\U000e0041\x7fé🙂"
	var b bytes.Buffer
	e := json.NewEncoder(printable.Writer(&b))
	e.SetIndent("", "\t")
	if err := e.Encode([]string{text}); err != nil {
		t.Fatal(err)
	}
	if got := b.String(); strings.ContainsAny(got, "\x1b\u009b\u202e\u2028\x7f") || !strings.Contains(got, "é🙂\"\n") {
		t.Errorf("wrote %+q", got)
	}
	if n, err := printable.Writer(io.Discard).Write([]byte("\x1b[2J")); n != 4 || err != nil {
		t.Errorf("of 4 bytes it wrote %d, %v", n, err)
	}
	var back []string
	if err := json.Unmarshal(b.Bytes(), &back); err != nil || back[0] != text {
		t.Errorf("read %+q, %v", back, err)
	}
}

func TestQuote(t *testing.T) {
	for text, want := range map[string]string{
		"a\"b\n":                    `"a\"b\n"`,
		"\x9b\u200b\u202eé":         `"\x9b\u200b\u202eé"`,
		"a\u3164\ufe0f\u2800":       `"a\u3164\ufe0f\u2800"`,
		strings.Repeat("é", 300):    `"` + strings.Repeat("é", 197) + `…"`,
		strings.Repeat("\x00", 300): `"` + strings.Repeat(`\x00`, 49) + `\…"`,
	} {
		if got := printable.Quote(text); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
