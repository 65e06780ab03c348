package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// row is what came of one experiment.
type row struct {
	experiment
	requests, failures int64
	counted            string
	took               time.Duration
	faults             []string // why it failed; empty: it passed
}

func (r row) verdict() string {
	if len(r.faults) > 0 {
		return "FAIL"
	}
	return "pass"
}

// report prints the table, puts it into a file if one is named, and fails if an
// experiment did.
func report(rows []row, scale float64, into string) error {
	table := markdown(rows, scale)
	fmt.Print(table)
	failed := 0
	for _, r := range rows {
		if len(r.faults) > 0 {
			failed++
		}
	}
	var err error
	if failed > 0 {
		err = fmt.Errorf("%d of %d experiments failed", failed, len(rows))
	}
	if into != "" {
		err = errors.Join(err, replaceTable(table, into))
	}
	return err
}

// replaceTable replaces the text between two comments of a Markdown file.
func replaceTable(table, file string) error {
	const start, end = "<!-- make stress -->\n", "<!-- end -->\n"
	page, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, rest, _ := strings.Cut(string(page), start)
	_, after, ok := strings.Cut(rest, end) // rest is empty without start
	if !ok {
		return fmt.Errorf("%s: missing the lines %sand %s", file, start, end)
	}
	return os.WriteFile(file, []byte(before+start+"\n"+table+"\n"+end+after), 0o644)
}

func markdown(rows []row, scale float64) string {
	var b strings.Builder
	b.WriteString("| experiment | target | what is done | requests | failures | counted | duration | |\n|---|---|---|---|---|---|---|---|\n")
	for _, r := range rows {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %d | %d | %s | %.0f s | %s |\n",
			r.name, r.targets, r.does, r.requests, r.failures, r.counted, r.took.Seconds(), r.verdict())
	}
	fmt.Fprintf(&b, "\n%s, %s/%s, %d processors, scale %g, %s.\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), scale, time.Now().UTC().Format(time.DateOnly))
	return b.String()
}
