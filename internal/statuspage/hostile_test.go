package statuspage_test

import (
	"fmt"
	"strings"
	"testing"

	"oauthgw/internal/jsonobject"
	"oauthgw/internal/statuspage"
)

// hostile is text that would do harm in a page.
const hostile = "</code></style><script>alert(1)</script><img src=x onerror=alert(1)>\"'&\u202e\u2066\u200b\u3164\ufe0f\u2800\x00\x1b[31m\xff"

// Whoever writes a text into the page, it is only text, and all of it shows.
func TestHostileTexts(t *testing.T) {
	f := busy(t)
	f.Version, f.GoVersion, f.Revision, f.NotReady = hostile, hostile, hostile, hostile
	f.Provider = statuspage.Provider{Upstream: hostile, Issuer: hostile, Public: hostile, Reached: ago(0), Failed: ago(0), Fault: hostile}
	f.Reload.Fault = hostile
	f.Untrue = []string{hostile}
	f.Endpoints[0].Path = hostile
	document := object(t, string(jsonobject.Object{}.With(hostile, []string{hostile}).With("text", hostile).Encode()))
	f.Documents = []statuspage.Document{
		{Location: hostile, Fetched: noon, Fault: hostile, Published: document},
		{Location: hostile, Fetched: noon, Fault: hostile, Published: document, Served: document}}
	text := page(t, f)
	for _, harm := range []string{"<script", "<img", "</style><", "\u202e", "\u2066", "\u200b", "\u3164", "\ufe0f", "\u2800", "\x00", "\x1b", "\xff"} {
		if strings.Contains(text, harm) {
			t.Errorf("the page holds %q", harm)
		}
	}
	// All but the names of versions and members, which are cut before that.
	if n := strings.Count(text, `\u{202e}\u{2066}\u{200b}\u{3164}\u{fe0f}\u{2800}\u{0}\u{1b}[31m`); n != 16 {
		t.Errorf("of the texts %d show whole", n)
	}
}

// Marks that pile up over a letter would hide other lines.
func TestMarksDoNotPileUp(t *testing.T) {
	f := started()
	f.Provider.Issuer = "e" + strings.Repeat("\u0301", 6)
	if want := "<code>e" + strings.Repeat("\u0301", 4) + `\u{301}\u{301}</code>`; !strings.Contains(page(t, f), want) {
		t.Errorf("the page lacks %s", want)
	}
}

// However much a provider writes, the page stays small and does not
// hide what the gateway changes.
func TestHostileSizes(t *testing.T) {
	many := func(format string) string {
		var b strings.Builder
		for i := range 256 << 10 / (len(format) + 4) {
			fmt.Fprintf(&b, format, i)
		}
		return strings.TrimSuffix(b.String(), ",")
	}
	for name, member := range map[string]string{
		"a long text":          `"x":"` + strings.Repeat("&", 256<<10) + `"`,
		"a text without ink":   `"x":"` + strings.Repeat("\u202e", 80<<10) + `"`,
		"a text of marks":      `"x":"e` + strings.Repeat("\u0301", 100<<10) + `"`,
		"a deep value":         `"x":` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000),
		"a deep object":        `"x":` + strings.Repeat(`{"a":`, 9000) + "1" + strings.Repeat("}", 9000),
		"many members":         many(`"m%d":1,`),
		"a long list":          `"x":[` + many(`%d,`) + `]`,
		"a long list of long":  `"x":[` + strings.Repeat(`"`+strings.Repeat("<", 9000)+`",`, 20) + `1]`,
		"a long name":          `"` + strings.Repeat("_", 200<<10) + `":1`,
		"a list of the empty":  `"x":[` + strings.Repeat(`"",`, 50000) + `""]`,
		"many lists of little": many(`"m%d":["","","","","","","",""],`),
	} {
		t.Run(name, func(t *testing.T) {
			f := started()
			methods := `"token_endpoint_auth_methods_supported":[` + strings.Repeat(`"a",`, 5000)
			f.Documents = []statuspage.Document{{Location: "/l", Fetched: noon,
				Published: object(t, "{"+member+","+methods+`"a"]}`),
				Served:    object(t, "{"+member+","+methods+`"client_secret_basic"]}`)}}
			text := page(t, f)
			if len(text) > 200<<10 {
				t.Errorf("the page is %d KiB long", len(text)>>10)
			}
			if !strings.Contains(text, `<code class="own">client_secret_basic</code>`) {
				t.Error("the page does not show the difference")
			}
		})
	}
}

// The sentences, refusals and lines of a fault are bounded as well.
func TestListsAreBounded(t *testing.T) {
	f := busy(t)
	f.Untrue = []string{strings.Repeat("x", 1<<20)}
	f.Reload.Fault = strings.Repeat("y\n", 1<<16)
	for range 1000 {
		f.Refusals = append(f.Refusals, f.Refusals[0])
	}
	if n := len(page(t, f)); n > 64<<10 {
		t.Errorf("the page is %d KiB long", n>>10)
	}
}
