package wellknown_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"oauthgw/clientauth"
	"oauthgw/wellknown"
)

// What is kept can be looked at without a request to the provider, and shows
// what it published beside what clients are shown, which is what the handler
// serves.
func TestKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{}
		p.says(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != location {
				w.WriteHeader(http.StatusNotFound)
				return
			}
			writeDocument(w, r)
		})
		h := newHandler(t, p, func(c *wellknown.SourceConfig) {
			c.Patch.Set = map[string]json.RawMessage{"x_patched": json.RawMessage(`1`)}
		})
		kept := func() []wellknown.Kept {
			k, _ := h.Source.Kept(h.Issuer, h.Endpoints)
			return k
		}
		before := kept()
		if len(before) != 2 || before[0].Location != location || !before[0].Fetched.IsZero() || before[0].Fault != nil || p.asked.Load() != 0 {
			t.Errorf("before anything was fetched: %+v, asked %d times", before, p.asked.Load())
		}
		served := get(h, location).Body.String()
		get(h, "/.well-known/openid-configuration")
		asked := p.asked.Load()
		first := kept()[0]
		if got := string(first.Published.Encode()); got != document {
			t.Errorf("published: %s", got)
		}
		if got := string(first.Served.Encode()); got != served || !strings.Contains(got, "x_patched") || !strings.Contains(got, "client_secret_basic") {
			t.Errorf("served: %s, and the handler serves %s", got, served)
		}
		if !first.Fetched.Equal(time.Now()) || first.Fault != nil || first.Absent {
			t.Errorf("got %+v", first)
		}
		if second := kept()[1]; !second.Absent || second.Fault == nil || !second.Failed.Equal(time.Now()) || !second.Fetched.IsZero() {
			t.Errorf("where the provider has none: %+v", second)
		}
		if p.asked.Load() != asked {
			t.Error("the provider was asked")
		}

		p.says(fails(500))
		time.Sleep(time.Minute)
		get(h, location)
		synctest.Wait()
		if first = kept()[0]; first.Fault == nil || first.Absent || first.Expired || first.Fetched.IsZero() {
			t.Errorf("after the provider failed: %+v", first)
		}
		time.Sleep(time.Minute + h.Source.StaleFor)
		if first = kept()[0]; !first.Expired {
			t.Error("a document that is too old to be served does not say so")
		}
	})
}

// What is untrue of the kept document is what the truth check says.
func TestKeptIsJudged(t *testing.T) {
	s := sourceOf(t, trueDocument, nil, wellknown.IssuerPreserve)
	paths := map[clientauth.Endpoint]string{"token": "/other"}
	if _, untrue := s.Kept("", paths); untrue != nil {
		t.Errorf("judged before it was read: %q", untrue)
	}
	want, err := s.Truth(t.Context(), paths)
	if err != nil {
		t.Fatal(err)
	}
	if _, got := s.Kept("", paths); len(want) != 1 || len(got) != 1 || got[0] != want[0] {
		t.Errorf("got %q, the truth is %q", got, want)
	}
}
