//go:build !crashtest

package main

import "github.com/bouncehouse/bouncehouse"

// crashHook is nil but in binaries that tests build with the tag crashtest.
func crashHook() func(bouncehouse.Step) { return nil }

// chunkSize is the normal one but in those.
func chunkSize(normal int) int { return normal }
