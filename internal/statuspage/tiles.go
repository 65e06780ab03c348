package statuspage

import "slices"

// tile is one part of the summary: its state, the state in a word, and details.
type tile struct {
	Name, State, Word, Detail string
}

// The states of a tile. The style gives each a sign, because colours are not enough.
const (
	good    = "good"
	warning = "warning"
	bad     = "bad"
	unknown = "unknown"
)

func tiles(f Facts) []tile {
	return []tile{requestsTile(f), providerTile(f), configurationTile(f), metadataTile(f)}
}

func requestsTile(f Facts) tile {
	if f.NotReady != "" {
		return tile{"Requests", bad, "Not ready", f.NotReady}
	}
	return tile{"Requests", good, "Ready", plural(len(f.Endpoints), "endpoint", "endpoints")}
}

func providerTile(f Facts) tile {
	switch p := f.Provider; {
	case p.Failing() && p.Reached.IsZero():
		return tile{"Provider", bad, "Failing", "no good response yet"}
	case p.Failing():
		return tile{"Provider", bad, "Failing", "last good response " + ago(p.Reached, f.Now)}
	case p.Reached.IsZero():
		return tile{"Provider", unknown, "No request yet", ""}
	default:
		return tile{"Provider", good, "Reachable", "last response " + ago(p.Reached, f.Now)}
	}
}

func configurationTile(f Facts) tile {
	if f.Reload.Error != "" {
		return tile{"Configuration", bad, "Reload failed", "keeping the previous configuration"}
	}
	return tile{"Configuration", good, "Active", "loaded " + ago(f.Reload.ActiveSince, f.Now)}
}

func metadataTile(f Facts) tile {
	switch served := slices.ContainsFunc(f.Documents, func(d Document) bool { return d.Known() && !d.Expired }); {
	case !served:
		return tile{"Metadata", unknown, "Unknown", "not fetched yet"}
	case len(f.Problems) > 0:
		return tile{"Metadata", warning, "Problems", plural(len(f.Problems), "problem", "problems") + " below"}
	default:
		return tile{"Metadata", good, "OK", "no problems for strict clients"}
	}
}
