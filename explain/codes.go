package explain

import "strings"

// codeNote is what a provider means by a code of its own.
type codeNote struct {
	codes  string // by blanks; a final * stands for any end
	en, zh string
}

// codeNotes are after the providers' own pages: Google (support.google.com/a/
// answer/3726730), Microsoft (sendersupport.olc.protection.outlook.com),
// Yahoo (senders.yahooinc.com/smtp-error-codes), NetEase (help.163.com),
// GoDaddy, Charter, Orange, Comcast.
func codeNotes() []codeNote {
	return []codeNote{
		{"S3140 S3150", "Outlook.com has the whole network, or the address, on its own block list: use its sender support form.", "Outlook.com 把该网段或 IP 列入了自己的封锁名单:请填写其发信方支持表单。"},
		{"S8001 S8002", "Outlook.com refuses it for a listing at Spamhaus of the HELO domain or the sender's domain.",
			"Outlook.com 因 HELO 域名或发件人域名在 Spamhaus 名单中而拒绝。"},
		{"TSS04 TSS05 TS01 TS02",
			"Yahoo defers because of complaints or volume from this address; it lifts by itself when they fall.",
			"雅虎因投诉或发送量暂缓接收,减少之后会自动解除。"},
		{"TS03 TSS09 TSS11", "Yahoo refuses all mail of this address for good until the cause is gone and you have asked them.", "雅虎拒收该 IP 的全部邮件,须消除原因并向其申诉。"},
		{"BL21 BL23 TSS07", "Yahoo refuses it because the address is on a Spamhaus list: ask for removal there.",
			"雅虎因该 IP 在 Spamhaus 名单中而拒绝:请到该名单申请解除。"},
		{"GL01", "Yahoo greylists: the queue's next try passes.", "雅虎的灰名单:队列下次重试即可。"},
		{"HL:REP", "NetEase: the address behaves badly, mostly by many recipients that do not exist.",
			"网易:该 IP 发信行为异常,多为大量发往不存在的用户。"},
		{"HL:ICC", "NetEase: too many connections of this address at a time.", "网易:该 IP 的同时连接数过多。"},
		{"HL:IFC", "NetEase: too many messages of this address in a short time.", "网易:该 IP 短期内发送邮件过多。"},
		{"HL:MEP", "NetEase: this address sends with forged sender domains.", "网易:该 IP 大量使用伪造的发件人域名。"},
		{"HL:IPB WM:BLI MI:IPB", "NetEase: this address is on its blacklist; use its feedback form.",
			"网易:该 IP 不在允许范围或已被列入黑名单,请填写故障反馈表。"},
		{"HL:IHU", "NetEase: the address is blocked for spam or odd behaviour.", "网易:该 IP 因发送垃圾邮件或行为异常被暂时阻断。"},
		{"DT:SPM", "NetEase takes the content for spam; with 451 keep the message queued and try again after two minutes.", "网易:内容被判为垃圾邮件;若是 451,请保留队列,两分钟后重投。"},
		{"DT:SUM", "NetEase: the sender of the envelope and of the From: header differ.", "网易:信封发件人与信头发件人不一致。"},
		{"DT:RBL", "NetEase: the address is on a DNS blocklist.", "网易:该 IP 在 RBL 名单中。"},
		{"MI:SFQ RP:QRC", "NetEase: this sender sends too much in 15 minutes: wait a quarter of an hour.",
			"网易:发件人 15 分钟内发送过多,请稍后再发。"},
		{"MI:STC RP:TRC", "NetEase: this sender's limit of the day is reached: go on tomorrow.",
			"网易:发件人当天的发送数已达上限,当日不再接受,请次日再发。"},
		{"MI:SPB WM:BLU", "NetEase: this sender is not accepted.", "网易:该发件人不被接受。"},
		{"MI:SPF MI:DMA", "NetEase: SPF or DMARC fails for the sender's domain.", "网易:发件人域名的 SPF 或 DMARC 验证失败。"},
		{"RP:RCL", "NetEase: too many recipients in one message.", "网易:单封邮件的收件人过多。"},
		{"OFR_101 OFR004_101 OFR_102", "Orange refuses the address for a listing: Spamhaus, or Cloudmark.",
			"Orange:该 IP 在 Spamhaus 或 Cloudmark 名单中。"},
		{"OFR_104 OFR004_104", "Orange: too many connections at a time: two or three are allowed.", "Orange:同时连接数过多。"},
		{"OFR_506 OFR_513", "Orange takes the message for spam.", "Orange:邮件被判为垃圾邮件。"},
		{"RL000001 RL000002 RL000003 RL0000*", "Comcast limits the rate of this address.", "Comcast:限制该 IP 的发送速率。"},
		{"BL000000", "Comcast has the address on its own block list.", "Comcast:该 IP 在其自己的封锁名单中。"},
		{"NoSuchUser", "Gmail: the address does not exist, or is misspelt.", "Gmail:该地址不存在或拼写有误。"},
		{"DisabledUser", "Gmail: the account is disabled.", "Gmail:该账号已停用。"},
		{"OverQuotaTemp OverQuotaPerm", "Gmail: the recipient's storage, shared with Drive and Photos, is used up.",
			"Gmail:收件人的空间(与云端硬盘、相册共用)已满。"},
		{"UnsolicitedMessageError", "Gmail takes the message for unsolicited: look at Postmaster Tools.",
			"Gmail:判为不请自来的邮件,请查看 Postmaster Tools。"},
		{"UnsolicitedRateLimitError UnsolicitedIPError",
			"Gmail limits this address because of unsolicited mail from it.", "Gmail:因该 IP 发出不请自来的邮件而限制。"},
		{"IPv6AuthError", "Gmail takes IPv6 mail only with a reverse name and SPF or DKIM: repair them, or send by IPv4.", "Gmail:IPv6 来信必须有反向解析以及 SPF 或 DKIM;请补齐或改用 IPv4。"},
		{"ReceivingRate ReceivingRatePerm", "Gmail: this recipient gets too much mail just now; it is not about you.",
			"Gmail:该收件人收信过于频繁,与您无关,请稍后再发。"},
	}
}

// noteOf is what is known of a provider's code, in that language, or "".
func noteOf(code string, l Lang) string {
	code = strings.Trim(code, "[]()")
	if code == "" {
		return ""
	}
	for _, n := range codeNotes() {
		for known := range strings.FieldsSeq(n.codes) {
			head, any := strings.CutSuffix(known, "*")
			if strings.EqualFold(code, known) || any && strings.HasPrefix(code, head) {
				if l == Chinese {
					return n.zh
				}
				return n.en
			}
		}
	}
	return ""
}
