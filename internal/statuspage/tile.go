package statuspage

// tile is one thing that an operator sees first: how it is, in a word, and
// what there is to say besides.
type tile struct {
	Name, State, Word, Detail string
}

// The states of a tile. Each has a sign of its own, because colours are not
// enough.
const (
	good    = "good"
	warning = "warning"
	bad     = "bad"
	unknown = "unknown"
)

func tiles(f Facts, v view) []tile {
	return []tile{requests(f, v), provider(v), configuration(f, v), metadata(v)}
}

func requests(f Facts, v view) tile {
	if f.NotReady != "" {
		return tile{"Requests", bad, "Not ready", shown(f.NotReady, maxSentence)}
	}
	return tile{"Requests", good, "Ready", plural(len(v.Endpoints), "endpoint", "endpoints") + " known"}
}

func provider(v view) tile {
	switch p := v.Provider; {
	case p.Failing && p.Reached != nil:
		return tile{"Provider", bad, "Failing", "last good answer " + p.Reached.Ago}
	case p.Failing:
		return tile{"Provider", bad, "Failing", "no good answer yet"}
	case p.Reached != nil:
		return tile{"Provider", good, "Reachable", "answered " + p.Reached.Ago}
	}
	return tile{"Provider", unknown, "Not asked yet", ""}
}

func configuration(f Facts, v view) tile {
	if f.Reload.Fault != "" {
		return tile{"Configuration", bad, "Reload failed", "the one before stays in force"}
	}
	t := tile{"Configuration", good, "In force", ""}
	if v.Reload.InForce != nil {
		t.Detail = "loaded " + v.Reload.InForce.Ago
	}
	return t
}

func metadata(v view) tile {
	switch kept := v.kept(); {
	case kept == 0:
		return tile{"Metadata", unknown, "Not known", "nothing to judge yet"}
	case len(v.Untrue) > 0:
		return tile{"Metadata", warning, "Needs a look", plural(len(v.Untrue), "sentence", "sentences") + " below"}
	default:
		return tile{"Metadata", good, "True", "what clients are told holds"}
	}
}
