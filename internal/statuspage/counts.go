package statuspage

import (
	"slices"
	"strings"
)

// columns are named as their outcomes. All other outcomes are reasons of a refusal.
var columns = [...]string{"Accepted", "Rejected", "Refused", "Failed", "Canceled", "Unclear"}

const refusedColumn = 2

type countRow struct {
	Endpoint, Method string
	Cells            [len(columns)]countCell
}

// countCell is a number of requests, with the reasons if they were refused.
type countCell struct {
	Total   uint64
	Reasons []Count
}

func countTable(counts []Count) (rows []countRow, totals [len(columns)]uint64) {
	for i, c := range counts {
		if i == 0 || counts[i-1].Endpoint != c.Endpoint || counts[i-1].Method != c.Method {
			rows = append(rows, countRow{Endpoint: c.Endpoint, Method: c.Method})
		}
		cells := &rows[len(rows)-1].Cells
		at := slices.IndexFunc(columns[:], func(name string) bool { return strings.EqualFold(name, c.Outcome) })
		if at < 0 {
			at = refusedColumn
			cells[at].Reasons = append(cells[at].Reasons, c)
		}
		cells[at].Total += c.Count
		totals[at] += c.Count
	}
	return rows, totals
}
