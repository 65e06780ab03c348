package statuspage

import "slices"

type column struct{ outcome, title string }

// refusedColumn is the index of the column Refused.
const refusedColumn = 2

// columns are the columns of the counts, by outcome. All other outcomes are reasons of the
// gateway to refuse a request.
var columns = []column{
	{"accepted", "Accepted"}, {"rejected", "Rejected"}, {"", "Refused"}, {"failed", "Failed"}, {"canceled", "Canceled"}, {"unclear", "Unclear"},
}

// countRow are the counts of one method at one endpoint.
type countRow struct {
	Endpoint, Method string
	Cells            []countCell
}

// countCell is a number of requests, with the reasons if they were refused.
type countCell struct {
	Title   string
	Total   uint64
	Reasons []Count
}

// countTable returns the counts in rows, and the total of each column.
func countTable(counts []Count) (rows []countRow, totals []countCell) {
	totals = emptyCells()
	for i, c := range counts {
		if i == 0 || counts[i-1].Endpoint != c.Endpoint || counts[i-1].Method != c.Method {
			rows = append(rows, countRow{c.Endpoint, c.Method, emptyCells()})
		}
		at := slices.IndexFunc(columns, func(o column) bool { return o.outcome == c.Outcome })
		refused := at < 0
		if refused {
			at = refusedColumn
		}
		cell := &rows[len(rows)-1].Cells[at]
		if refused {
			cell.Reasons = append(cell.Reasons, c)
		}
		cell.Total += c.Count
		totals[at].Total += c.Count
	}
	return rows, totals
}

func emptyCells() []countCell {
	cells := make([]countCell, len(columns))
	for i, c := range columns {
		cells[i].Title = c.title
	}
	return cells
}
