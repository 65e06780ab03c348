// Package leaks runs the tests of a package, and fails them if a goroutine
// outlives them.
package leaks

import (
	"net/http"

	"go.uber.org/goleak"
)

// Main runs tests, which are a [testing.M], and ends the process.
func Main(m goleak.TestingM) { goleak.VerifyTestMain(tests{m}) }

type tests struct{ goleak.TestingM }

// Run implements [goleak.TestingM]. Connections that the tests' own client keeps
// are no leak.
func (t tests) Run() int {
	code := t.TestingM.Run()
	http.DefaultClient.CloseIdleConnections()
	return code
}
