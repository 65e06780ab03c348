package statuspage

// outcomes are the columns of the counts. What is in none of them is the reason
// of a refusal.
var outcomes = []struct{ word, title string }{
	{"accepted", "Accepted"},
	{"rejected", "Rejected"},
	{"", "Refused"},
	{"failed", "Failed"},
	{"canceled", "Canceled"},
	{"unclear", "Unclear"},
}

// countRow are the counts of one method at one endpoint.
type countRow struct {
	Endpoint []string // in pieces between which a line may break
	Method   string
	Cells    []countCell
}

// countCell is the number of a column, and of what it is made up, if that is to
// be told.
type countCell struct {
	Title   string
	Total   uint64
	Reasons []reason
}

type reason struct {
	Word  []string // in pieces
	Count uint64
}

// column returns the column of an outcome and what is to be told of it besides.
func column(outcome string) (i int, detail string) {
	refused := 0
	for i, o := range outcomes {
		switch {
		case o.word == "":
			refused = i
		case o.word == outcome:
			return i, ""
		}
	}
	return refused, outcome
}

// table arranges the counts in rows, in their order, and sums up the columns.
func table(counts []Count) (rows []countRow, sums []countCell) {
	sums = emptyCells()
	for i, c := range counts {
		if i == 0 || counts[i-1].Endpoint != c.Endpoint || counts[i-1].Method != c.Method {
			rows = append(rows, countRow{pieces(c.Endpoint), c.Method, emptyCells()})
		}
		i, detail := column(c.Outcome)
		cell := &rows[len(rows)-1].Cells[i]
		cell.Total += c.Count
		sums[i].Total += c.Count
		if detail != "" {
			cell.Reasons = append(cell.Reasons, reason{pieces(detail), c.Count})
		}
	}
	return rows, sums
}

func emptyCells() []countCell {
	cells := make([]countCell, len(outcomes))
	for i, o := range outcomes {
		cells[i].Title = o.title
	}
	return cells
}
