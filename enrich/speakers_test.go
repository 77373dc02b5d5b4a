package enrich

import (
	"testing"

	"github.com/bouncehouse/bouncehouse"
)

// What a reply without a host says of who speaks, and its code there.
func TestSpeakers(t *testing.T) {
	c, err := NewClassifier(Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		reply    string
		provider bouncehouse.Provider
		code     string
	}{
		{"554 DT:SUM 163 mx24,AgAAXyACANXyACAN--.12345S2 1763748001", "netease", "DT:SUM"},
		{"421 HL:ICC 163 mx27,PcCowAD3Kk5mX9lVd1gRBg--.2315S2", "netease", "HL:ICC"},
		{"550 MI:SPB 163 mx35,QMCowAB3f0jz1xhl5iJlAQ--.4512S2", "netease", "MI:SPB"},
		{"550 Suspected spam ip. https://service.mail.qq.com/detail/0/427 [e48e9ea854c834 IP: 203.0.113.25]", "tencent",
			"427"},
		{"550 Ip frequency limited. http://service.mail.qq.com/cgi-bin/help?subtype=1&&id=20022&&no=1000725", "tencent",
			"1000725"},
		{"421 4.7.0 [TSS04] Messages from 203.0.113.25 temporarily deferred", "yahoo", "[TSS04]"},
		{"451 Message temporarily deferred - [160]", "yahoo", "[160]"},
		{"451 4.7.1 Resources temporarily unavailable. Please try again later [#4.16.5].", "yahoo", "[#4.16.5]"},
		{"554 5.7.1 : (RTR:BB) https://postmaster.aol.com/error-codes#554rtrbb", "aol", "RTR:BB"},
		{"550 5.7.1 Unfortunately, messages from [203.0.113.24] weren't sent. (S3150).", "microsoft", "S3150"},
		{"550 5.4.1 Recipient address rejected: Access denied. AS(201806281) [DB5EUR01FT088.eop-EUR01.prod.protection.outlook.com]", "microsoft", "AS(201806281"},
		{"550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient user@example.com not found", "microsoft",
			"RESOLVER.ADR.RecipientNotFound"},
		{"550 5.7.1 TRANSPORT.RULES.RejectMessage; the message was rejected", "", "TRANSPORT.RULES.RejectMessage"},
		{"550 5.2.0 Mail rejete. Mail rejected. ofr_506 [506]", "orange", "ofr_506"},
		{"554 IP=203.0.113.24 - None/bad reputation. Ask your postmaster for help or to contact tobr@rx.t-online.de for reset. (NOWL)", "tonline", "NOWL"},
		{"554 charter.net cmsmtp 203.0.113.9 blocked. AUP#In-1310", "charter", "AUP#In-1310"},
		{"554 For explanation visit https://postmaster.gmx.net/en/case?c=r0201&i=ip&v=203.0.113.9", "gmx", "r0201"},
		{"550 5.7.1 [ESA] Sender blocked.", "", "[ESA]"},
		{"550 User unknown", "", ""},
	} {
		e := classifyReply(c, tt.reply, "")
		if e.Provider != tt.provider || e.ProviderCode != tt.code {
			t.Errorf("%q: %q with code %q, want %q with %q\n\t%s", tt.reply, e.Provider, e.ProviderCode, tt.provider,
				tt.code, e.Template)
		}
	}
}
