package clientauth

// Pairs returns the parameters of a form for comparison with what another
// parser reads.
func (f *Form) Pairs() [][2]string {
	pairs := [][2]string{}
	for _, p := range f.parameters {
		pairs = append(pairs, [2]string{p.name, p.value.Reveal()})
	}
	return pairs
}
