//go:build !crashtest

package main

import "github.com/bouncehouse/bouncehouse"

// crashHook is nil but in binaries that tests build with the tag crashtest.
func crashHook() func(bouncehouse.Step) { return nil }
