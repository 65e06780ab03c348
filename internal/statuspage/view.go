package statuspage

import "fmt"

// maxRefusals bounds the refusals that are shown.
const maxRefusals = 50

// view is what the template writes: every text in it can be shown.
type view struct {
	Title              string
	Now                *moment
	Uptime             string
	Version, GoVersion string
	Tiles              []tile
	Provider           providerView
	Reload             reloadView
	Endpoints          []endpointView
	Documents          []documentView
	Untrue             []string
	Counts             []countRow
	Sums               []countCell
	Refusals           []refusalView
}

type providerView struct {
	Upstream, Issuer, Public string
	Reached, Failed          *moment
	Fault                    []string
	Failing                  bool
}

type reloadView struct {
	Tried, InForce *moment
	Fault          []string
}

type endpointView struct{ Name, Path, Fronted, Known string }

type documentView struct {
	Location     string
	Fetched      *moment
	Fault        []string
	Absent, Kept bool
	Expired      bool
	comparison
}

type refusalView struct {
	Time                      *moment
	Endpoint, Method, Outcome string
	Status                    int
}

func viewOf(f Facts) view {
	v := view{
		Now: momentOf(f.Now, f.Now), Uptime: span(f.Now.Sub(f.Started)),
		Version: shown(f.Version, maxName), GoVersion: shown(f.GoVersion, maxName),
		Provider: f.provider(), Endpoints: f.endpoints(), Documents: f.documents(), Refusals: f.refusals(),
		Reload: reloadView{momentOf(f.Reload.Tried, f.Now), momentOf(f.Reload.InForce, f.Now), linesIf(f.Reload.Fault)},
	}
	if f.Revision != "" && f.Revision != "unknown" {
		v.Version += " (" + shown(f.Revision, 12) + ")"
	}
	for _, sentence := range f.Untrue {
		v.Untrue = append(v.Untrue, shown(sentence, maxSentence))
	}
	v.Counts, v.Sums = table(f.Counts)
	v.Tiles = tiles(f, v)
	v.Title = v.Tiles[0].Word
	return v
}

// linesIf returns nil for an empty text.
func linesIf(text string) []string {
	if text == "" {
		return nil
	}
	return lines(text)
}

func (f Facts) provider() providerView {
	p := f.Provider
	return providerView{
		Upstream: shown(p.Upstream, maxValue), Issuer: shown(p.Issuer, maxValue), Public: shown(p.Public, maxValue),
		Reached: momentOf(p.Reached, f.Now), Failed: momentOf(p.Failed, f.Now), Fault: linesIf(p.Fault),
		Failing: p.Failed.After(p.Reached),
	}
}

func (f Facts) endpoints() []endpointView {
	var out []endpointView
	for _, e := range f.Endpoints {
		v := endpointView{e.Name, shown(e.Path, maxValue), "Basic becomes post", "the provider’s metadata"}
		switch {
		case e.AsItIs:
			v.Fronted = "carried as it is"
		case e.Name == "registration":
			v.Fronted = "registrations for Basic become ones for post"
		}
		if e.Configured {
			v.Known = "the configuration"
		}
		out = append(out, v)
	}
	return out
}

func (f Facts) documents() []documentView {
	var out []documentView
	for _, d := range f.Documents {
		v := documentView{Location: shown(d.Location, maxValue), Fetched: momentOf(d.Fetched, f.Now), Fault: linesIf(d.Fault),
			Absent: d.Absent, Kept: !d.Fetched.IsZero(), Expired: d.Expired}
		if v.Kept {
			v.comparison = compare(d.Published, d.Served)
		}
		out = append(out, v)
	}
	return out
}

func (f Facts) refusals() []refusalView {
	var out []refusalView
	for _, r := range f.Refusals[:min(len(f.Refusals), maxRefusals)] {
		out = append(out, refusalView{momentOf(r.Time, f.Now), r.Endpoint, r.Method, r.Outcome, r.Status})
	}
	return out
}

// kept returns how many documents clients are shown.
func (v view) kept() int {
	n := 0
	for _, d := range v.Documents {
		if d.Kept && !d.Expired {
			n++
		}
	}
	return n
}

// plural is a number of things.
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
