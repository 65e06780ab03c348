package clients_test

import (
	"fmt"
	"net/url"
	"runtime"
	"strings"
	"testing"

	"oauthgw/clientauth"
	"oauthgw/internal/clients"
)

// TestH02NamesInUnreadableRequests checks that a request that the gateway cannot read is refused if some
// server could find a public client in it.
func TestH02NamesInUnreadableRequests(t *testing.T) {
	for text, want := range map[string]bool{
		"client_id=%u0061gents":       true, // ASP.NET
		"client_id=%u006":             false,
		"client_id=\u00e4gents#":      true, // some servers read a fragment, C strings end at a NUL
		"client_id=+\u00e4gents%00&x": true,
		"client_id=\u00e4#":           false,
		"x=%zz":                       false,
	} {
		if got := table.Mentions(text); got != want {
			t.Errorf("%s: got %v", text, got)
		}
	}
}

// TestH05EscapedSecrets checks escapes that the pages and messages of providers have.
func TestH05EscapedSecrets(t *testing.T) {
	c := clients.Client{Secret: clientauth.NewSecret("it's-a/s3cret+0123456789")}
	for text, want := range map[string]bool{
		`{'client_secret': 'it\'s-a/s3cret+0123456789'}`:   true, // Python, PHP
		`"it\x27s\x2da\x2fs3cret\x2b0123456789"`:           true, // JavaScript
		`"it\u0027s-a\/s3cret\u002B0123456789"`:            true, // JSON
		"it%u0027s-a%2fs3cret%2B0123456789":                true, // ASP.NET
		"#0 a.php(1): check('agents', 'it's-a/s3cret+0...": true, // PHP
		`it\u002`:                 false,
		"it's-a/s3cret+ is wrong": false,
	} {
		if got := c.Repeats(text); got != want {
			t.Errorf("%s: got %v", text, got)
		}
	}
	if !c.Repeats("i\x00t\x00'\x00s\x00-\x00a\x00/\x00s\x003\x00c\x00r\x00e\x00t\x00+\x000\x001\x002\x003\x004\x005\x006\x007\x008\x009\x00") {
		t.Error("it is not found in UTF-16")
	}
}

const uuid = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"

var public = clients.Config{Public: true}

// named has clients with IDs of all kinds.
var named = clients.New("", []clients.Client{
	{ID: "config", Config: clients.Config{Public: true, Aliases: []string{"https://agent.example/client.json"}}},
	{ID: "Strasse", Config: public},
	{ID: "17", Config: public},
	{ID: uuid, Config: public},
	{ID: "private"},
})

// TestA213SimilarClientIDs checks that a client_id that a database could find equal to a listed one
// is refused, and that other ones pass.
func TestA213SimilarClientIDs(t *testing.T) {
	for id, similar := range map[string]bool{
		"CONFIG": true, "config ": true, " config": true, "config\u00a0": true, "c\u00f6nfig": true, "con\ufb01g": true, "co\u200bnfig": true,
		"\uff43\uff4f\uff4e\uff46\uff49\uff47": true, "stra\u00dfe": true, "STRASSE": true, "\u017ftrasse": true, "https://AGENT.example/client.json": true, "https://agent.example/client.j\u00f6son": true,
		"17x": true, "017": true, "+17": true, "17.0": true, "1.7e1": true, "170e-1": true, "17 or": true, "\uff11\uff17": true,
		"A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11": true, "{" + uuid + "}": true, strings.ReplaceAll(uuid, "-", ""): true, uuid + "x": true,
		strings.Repeat("\u00e9", 5000): true,
		"configs":                      false, "my-config": false, "con.fig": false, "k\u00f6nfig": false, "\u00e4": false, "private": false, "171": false, "1": false, "x17": false,
		uuid[:35]: false, "https://agent.example/client.json?x": false, "https://agent.example/CLIENT": false, "": false,
	} {
		query, err := clientauth.ParsePage("client_id=" + strings.NewReplacer("+", "%2B", " ", "%20").Replace(id))
		if err != nil {
			t.Fatalf("%q: %v", id, err)
		}
		judged, err := named.Judge(clients.AuthorizationRequest{Query: query})
		if judged != nil || (err == clients.ErrClientID) != similar || err != nil && !similar {
			t.Errorf("%q: got %v, %v", id, judged, err)
		}
	}
}

// hostile are pieces of texts that take long to search.
var hostile = []string{"%25%2525", `%25\u0041&#65;+%2541&amp;`, `\u0041`, "&#65;", "&;", "client_id=\u00e9&", "client_id=a\u00e9\u00e9\u00e9&", "client_id=%41a&", "a&", "confi", "con\u00e9", "https://agent.example/client.", "a ", "17 "}

// searches are the searches of a text that takes long, in a table of some clients. Each returns the
// length of its text.
func searches(piece string) []func() int {
	list := []clients.Client{{ID: uuid, Secret: clientauth.NewSecret(`%41\u0041&amp;0123456789+/=`), Config: public}}
	for i := range 40 {
		list = append(list, clients.Client{ID: "config" + strings.Repeat("x", i), Config: clients.Config{Public: true, Aliases: []string{"https://agent.example/client.json" + strings.Repeat("x", i)}}})
	}
	table, body, response := clients.New("", list), strings.Repeat(piece, 64<<10/len(piece)), strings.Repeat(piece, 1<<20/len(piece))
	query, _ := clientauth.ParsePage("client_id=" + url.QueryEscape(strings.Repeat(piece, 5000/len(piece))))
	return []func() int{
		func() int { table.Mentions(body); return len(body) },
		func() int { list[0].Repeats(response); return len(response) },
		func() int { _, _ = table.Judge(clients.AuthorizationRequest{Query: query}); return 64 << 10 },
	}
}

// No text makes a search of a request or a response take much memory. BenchmarkSearches shows the time.
func TestA220SearchesAreSmall(t *testing.T) {
	for _, piece := range hostile {
		for i, search := range searches(piece) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			size := search()
			runtime.ReadMemStats(&after)
			if used := int(after.TotalAlloc-before.TotalAlloc) / size; used > 120 {
				t.Errorf("search %d of %q allocates %d times its size", i, piece, used)
			}
		}
	}
}

func BenchmarkSearches(b *testing.B) {
	for _, piece := range hostile {
		for i, search := range searches(piece) {
			b.Run(fmt.Sprintf("%d-%q", i, piece), func(b *testing.B) {
				for b.Loop() {
					search()
				}
			})
		}
	}
}
