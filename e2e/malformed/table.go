package main

import (
	"bufio"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// The table stands between these lines of a Markdown file.
const (
	tableBegins = "<!-- make malformed -->\n"
	tableEnds   = "<!-- end -->\n"
)

// summary tells an outcome in the words in which peers are compared: the classes
// of the answers, and how many requests reached the provider to their end. How much
// of the others does is a matter of moments.
func (o outcome) summary() string {
	var words []string
	for _, a := range o.answers[:o.early] {
		if a.status == 0 {
			words = append(words, "no HTTP/1.1")
		} else {
			words = append(words, fmt.Sprintf("%dxx", a.status/100))
		}
	}
	switch {
	case len(words) == 0 && o.open:
		words = []string{"waits"}
	case len(words) == 0:
		words = []string{"closes"}
	}
	return fmt.Sprintf("%s, %d", strings.Join(words, " "), o.whole())
}

// markdown returns the table of the cases at which the peers differ, and those
// cases by what sets them apart.
func markdown(peers []*peer, cases []attempt, outcomes [][]outcome, why map[string]string) (table string, differing []string) {
	rows := map[string][]string{} // cases by the row's beginning
	for i, c := range cases {
		var cells []string
		for j := range peers {
			cells = append(cells, outcomes[j][i].summary())
		}
		if len(slices.Compact(slices.Clone(cells))) == 1 {
			continue
		}
		differing = append(differing, c.name)
		begin := fmt.Sprintf("| [%s](#%[1]s) | %s |", why[c.name], strings.Join(cells, " | "))
		rows[begin] = append(rows[begin], c.name)
	}
	var b strings.Builder
	b.WriteString("| why |")
	for _, p := range peers {
		fmt.Fprintf(&b, " %s |", p.name)
	}
	fmt.Fprintf(&b, " cases |\n|%s\n", strings.Repeat("---|", len(peers)+2))
	for _, begin := range slices.Sorted(maps.Keys(rows)) {
		fmt.Fprintf(&b, "%s %s |\n", begin, strings.Join(rows[begin], "; "))
	}
	fmt.Fprintf(&b, "\n%d cases, %d of them with a difference; oauthgw of Go %s, nginx %s, haproxy %s.\n",
		len(cases), len(differing), peers[0].version, peers[1].version, peers[2].version)
	return b.String(), differing
}

// readReasons reads why cases differ: lines of a reason, a colon, and the names of
// cases with semicolons between them.
func readReasons(file string) (why map[string]string, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	why = map[string]string{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		reason, names, _ := strings.Cut(lines.Text(), ": ")
		for name := range strings.SplitSeq(names, "; ") {
			why[name] = reason
		}
	}
	return why, nil
}

// unexplained says which cases differ for no reason that is known, and which no
// longer do.
func unexplained(why map[string]string, differing []string) (faults []error) {
	for _, name := range differing {
		if why[name] == "" {
			faults = append(faults, fmt.Errorf("%s: the three differ, and nothing says why", name))
		}
	}
	for name := range why {
		if !slices.Contains(differing, name) {
			faults = append(faults, fmt.Errorf("%s: the three do not differ", name))
		}
	}
	return faults
}

// put replaces what stands between the marks of a file.
func put(table, file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, rest, begins := strings.Cut(string(text), tableBegins)
	_, after, ends := strings.Cut(rest, tableEnds)
	if !begins || !ends {
		return fmt.Errorf("%s: there is no place for the table", file)
	}
	return os.WriteFile(file, []byte(before+tableBegins+"\n"+table+"\n"+tableEnds+after), 0o644)
}
