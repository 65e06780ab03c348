// Package marked replaces a part of a file that programs write and leaves what
// people wrote around it.
package marked

import (
	"fmt"
	"os"
	"strings"
)

// ends closes what a program writes.
const ends = "<!-- end -->\n"

// Put replaces what stands in a Markdown file between the comment that names a
// program and the next one that says end. It is an error if these are not there.
func Put(text, program, file string) error {
	begins := "<!-- " + program + " -->\n"
	old, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, rest, _ := strings.Cut(string(old), begins)
	_, after, ended := strings.Cut(rest, ends)
	if !ended { // and so it is without a beginning
		return fmt.Errorf("%s: there is no place for what %s says", file, program)
	}
	return os.WriteFile(file, []byte(before+begins+"\n"+text+"\n"+ends+after), 0o644)
}
