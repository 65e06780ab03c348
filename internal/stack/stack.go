// Package stack tells where this program panicked, in words that may be logged.
package stack

import (
	"fmt"
	"runtime"
	"strings"
)

// OfPanic describes a panic to whoever has recovered from it: the type of its value,
// and the functions in which it happened, innermost first. The value itself may hold
// what is nobody's to read, and so may arguments. It is to be called by the deferred
// function that recovers.
func OfPanic(value any) (kind, functions string) {
	const most = 32
	callers := make([]uintptr, most)
	frames := runtime.CallersFrames(callers[:runtime.Callers(4, callers)]) // below whoever recovers, and the panic itself
	var lines []string
	for {
		frame, more := frames.Next()
		lines = append(lines, fmt.Sprintf("%s:%d", frame.Function, frame.Line))
		if !more {
			return fmt.Sprintf("%T", value), strings.Join(lines, " < ")
		}
	}
}
