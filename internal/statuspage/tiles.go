package statuspage

import "slices"

// tile is one part of the summary. State is good, warning, bad or unknown: the style gives each
// a sign, because colours are not enough.
type tile struct {
	Name, State, Word, Detail string
}

func tiles(f Facts) []tile {
	requests := tile{"Requests", "good", "Ready", plural(len(f.Endpoints), "endpoint", "endpoints")}
	if f.NotReady != "" {
		requests = tile{"Requests", "bad", "Not ready", f.NotReady}
	}
	provider := tile{"Provider", "good", "Reachable", "last response " + ago(f.Provider.Reached, f.Now)}
	switch {
	case f.Provider.Failed.After(f.Provider.Reached):
		provider = tile{"Provider", "bad", "Failing", "no usable response to the last request"}
	case f.Provider.Reached.IsZero():
		provider = tile{"Provider", "unknown", "No request yet", ""}
	}
	configuration := tile{"Configuration", "good", "Active", "loaded " + ago(f.Reload.ActiveSince, f.Now)}
	if f.Reload.Err != nil {
		configuration = tile{"Configuration", "bad", "Reload failed", "keeping the previous configuration"}
	}
	metadata := tile{"Metadata", "good", "OK", "no problems for strict clients"}
	if !slices.ContainsFunc(f.Documents, func(d Document) bool { return d.Known() && !d.Expired }) {
		metadata = tile{"Metadata", "unknown", "Unknown", "not fetched yet"}
	} else if len(f.Problems) > 0 {
		metadata = tile{"Metadata", "warning", "Problems", plural(len(f.Problems), "problem", "problems") + " below"}
	}
	return []tile{requests, provider, configuration, metadata}
}
