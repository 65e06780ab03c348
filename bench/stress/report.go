package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// row is the result of one part.
type row struct {
	part
	requests, failures int
	result             string
	duration           time.Duration
	errors             []string // empty: the part passed
}

// report prints the table, writes it to a file if output is not empty, and returns
// an error if a part failed.
func report(rows []row, scale float64, output string) error {
	table, failed := markdown(rows, scale)
	fmt.Print(table)
	var err error
	if failed > 0 {
		err = fmt.Errorf("%d of %d parts failed", failed, len(rows))
	}
	if output != "" {
		err = errors.Join(err, replaceTable(table, output))
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

func markdown(rows []row, scale float64) (table string, failed int) {
	var b strings.Builder
	b.WriteString("| part | target | what happens | requests | failures | result | duration | |\n|---|---|---|---|---|---|---|---|\n")
	for _, r := range rows {
		verdict := "pass"
		if len(r.errors) > 0 {
			verdict = "FAIL"
			failed++
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %d | %d | %s | %.0f s | %s |\n",
			r.name, r.targets, r.description, r.requests, r.failures, r.result, r.duration.Seconds(), verdict)
	}
	fmt.Fprintf(&b, "\n%s, %s/%s, %d processors, scale %g, %s.\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), scale, time.Now().UTC().Format(time.DateOnly))
	return b.String(), failed
}
