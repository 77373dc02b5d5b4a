//go:build race

package parsetest

const raceDetector = true
