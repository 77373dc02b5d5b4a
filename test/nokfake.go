//go:build !kfake

package test

import "errors"

// kfake needs a newer franz-go than go.mod names; until then it is built with the tag kfake only.
const haveStandIn = false

func startStandIn(int, string, map[string]string) (standIn, error) {
	return nil, errors.New("built without kfake")
}
