package test_test

import (
	"os"
	"testing"

	"github.com/bouncehouse/bouncehouse/test"
)

func TestMain(m *testing.M) { os.Exit(test.Main(m)) }
