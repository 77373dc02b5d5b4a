package charset

import "testing"

func TestDecodeWords(t *testing.T) {
	for in, want := range map[string]string{
		"=?gb2312?B?z7XNs83L0MU=?=":         "系统退信",
		"=?utf-8?Q?a_b?= =?utf-8?Q?c?= end": "a bc end",
		"=?x-unknown?Q?abc?=":               "abc",
		"=?broken":                          "=?broken",
	} {
		if got := DecodeWords(in, nil); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}
