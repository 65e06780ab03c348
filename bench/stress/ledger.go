package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"
)

// provide is the role of a provider that can be killed: on an address, with a
// file to which each code is added before it is answered. It says where it
// listens.
func provide(arguments []string) error {
	ledger, err := os.OpenFile(arguments[1], os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	p := &provider{last: map[string]int64{}, ledger: ledger}
	if err := p.listen(arguments[0]); err != nil {
		return err
	}
	fmt.Println(p.address())
	endWithInput()
	return nil
}

// mortal is a provider in a process of its own, that is killed and started again
// at the same address.
type mortal struct {
	*child
	address string
	ledger  string // the file
}

func (m *mortal) start(ctx context.Context) error {
	c, err := runAs(ctx, "provider", m.address, m.ledger)
	if err != nil {
		return err
	}
	m.child = c
	address, err := c.output.ReadString('\n')
	m.address = strings.TrimSpace(address)
	return err
}

// seen returns how often each code has come.
func (m *mortal) seen() (map[string]int, error) {
	file, err := os.Open(m.ledger)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	seen := map[string]int{}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		seen[lines.Text()]++
	}
	return seen, lines.Err()
}
