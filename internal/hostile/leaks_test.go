package hostile_test

import (
	"testing"

	"oauthgw/internal/leaks"
)

func TestMain(m *testing.M) { leaks.Main(m) }
