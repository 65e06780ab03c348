package main

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// asProgram is an environment variable with which the test binary is the program itself.
const asProgram = "OAUTHGW_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	goleak.VerifyTestMain(m)
}
