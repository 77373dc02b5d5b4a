package parse

import (
	"strings"
	"testing"
)

// Headers, replies and reports are strangers' words.
func TestKumoMTAHostileSize(t *testing.T) {
	head := `{"type":"Bounce","bounce_classification":"x","timestamp":1757676200,"response":{"code":550,"content":"`
	hostile(t, "kumomta", func(n int) map[string]string {
		return map[string]string{
			"quotes":     head + strings.Repeat(`\"`, n/2),
			"slashes":    head + strings.Repeat(`\\`, n/2) + `"}}`,
			"open":       head + `"},"x":` + strings.Repeat("[{", n/2),
			"depth":      head + `"},"x":` + strings.Repeat("[", n) + strings.Repeat("]", n) + "}",
			"members":    head + `"}` + strings.Repeat(`,"a":1`, n/6) + "}",
			"recipients": head + `"},"recipient":[` + strings.Repeat(`"a",`, n/4) + `"b"]}`,
			"lines":      head + strings.Repeat(`a\n`, n/3) + `"}}`,
			"no colon":   head + `"}` + strings.Repeat(`,"a"`, n/4) + "}",
		}
	})
}

func TestJSONReader(t *testing.T) {
	for _, test := range []struct {
		text, want string
		bad        bool
	}{
		{`{"a":"x","b":[1,{"c":"]"}],"d":"y"}`, "x y", false},
		{` { "a" : "x\u00e9\n" , "d" : null } `, "x\u00e9\n ", false},
		{`{"a":12,"d":"\\"}`, " \\", false},
		{`{"a":"x","d":"y`, "x ", true},
		{`{"a" "x"}`, " ", true},
		{`{"a":}`, " ", true},
		{`{}`, " ", false},
		{`{`, " ", true},
	} {
		j := jsonReader{s: test.text}
		var a, d string
		j.open('{')
		for key, more := j.key(); more; key, more = j.key() {
			switch key {
			case "a":
				a = j.text()
			case "d":
				d = j.text()
			default:
				j.skip()
			}
		}
		if got := a + " " + d; got != test.want || j.bad != test.bad {
			t.Errorf("%s: got %q, bad %v, want %q, %v", test.text, got, j.bad, test.want, test.bad)
		}
	}
}
