package values

import "testing"

// A message id is the same from a log and from the message.
func TestMessageID(t *testing.T) {
	for in, want := range map[string]string{
		"<1@shop.example>":                            "1@shop.example",
		"1@shop.example":                              "1@shop.example",
		"<<16@shop.example>>":                         "16@shop.example",
		"<17@shop.example>,":                          "17@shop.example",
		"< 14@shop.example >":                         "14@shop.example",
		"<3@shop.example> (added by x)":               "3@shop.example",
		"<tab@shop.example>?":                         "tab@shop.example",
		"<tab@shop.example>\t":                        "tab@shop.example",
		`<"a>b18"@shop.example>`:                      `"a>b18"@shop.example`,
		`<"a@shop.example>`:                           `"a@shop.example`,
		"<cut@shop":                                   "cut@shop",
		"=?utf-8?q?=3Cm11=40?=? =?utf-8?q?shop=3E?=":  "=?utf-8?q?=3Cm11=40?= =?utf-8?q?shop=3E?=",
		"?=?utf-8?q?=3Cm11=40?=? =?utf-8?q?shop=3E?=": "=?utf-8?q?=3Cm11=40?= =?utf-8?q?shop=3E?=",
		"=?utf-8?q?=3Cm11=40?= =?utf-8?q?shop=3E?=":   "=?utf-8?q?=3Cm11=40?= =?utf-8?q?shop=3E?=",
		"":   "",
		"<>": "",
		"?":  "",
	} {
		if got := MessageID(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestUnforwarded(t *testing.T) {
	for in, want := range map[string]string{
		"SRS0=Hx1y=ZZ=shop.example=orders@fwd.example":                      "orders@shop.example",
		"srs0+Hx1y=ZZ=shop.example=orders=7@fwd.example":                    "orders=7@shop.example",
		"SRS1=Hx1y=fwd.example==Hx2z=ZZ=shop.example=orders@second.example": "orders@shop.example",
		"bounces+SRS=Hx1y=ZZ@fwd.example":                                   "bounces+SRS=Hx1y=ZZ@fwd.example",
		"SRS0=Hx1y=ZZ@fwd.example":                                          "SRS0=Hx1y=ZZ@fwd.example",
		"SRS1=@fwd.example":                                                 "SRS1=@fwd.example",
		"srs0@shop.example":                                                 "srs0@shop.example",
		"":                                                                  "",
	} {
		if got := Unforwarded(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
