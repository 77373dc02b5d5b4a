package enrich

import "github.com/bouncehouse/bouncehouse"

// spoken is a wording that names who speaks, where host and recipient do not.
type spoken struct {
	Provider bouncehouse.Provider
	Words    string // literals, alternatives parted by "|", as in Rule.All
}

// speakers is the table of what only one provider's replies say: its own
// pages, its servers' names, the form of its codes.
func speakers() []spoken {
	return []spoken{
		{"google", "_gsmtp_|support.google.com|mail.google.com|_gcdp_|_psmtp_"},
		{"microsoft", "outlook.com|(s3150)|(s3140)|(s8001)|(s8002)|mail.live.com|postmaster.live.com|windows live hotmail|sender.office.com|go.microsoft.com|aka.ms/|resolver.rst.|resolver.adr.|storedrv."},
		{"yahoo", "delivery error: dd|postmaster.yahoo.com|help.yahoo.com|senders.yahooinc.com|postmaster.yahooinc.com|[tss|[ts01]|[ts02]|[ts03]|[bl21]|[bl23]|[gl01]|mail.yahoo.com|omega.yahoo.com|message temporarily deferred - [|[#4.16."},
		{"aol", "postmaster.info.aol.com|postmaster.aol.com|recipient address rejected: aol.com|(rtr:|(rly:|(hvu:|(dyn:"},
		{"yahoojapan", "yahoo.co.jp|yahoo-net.jp"},
		{"apple", "icloud.com|support.apple.com|[hm08]|[cs01]|[hme1]"},
		{"tencent", "service.mail.qq.com|service.exmail.qq.com|mx.qq.com|open.work.weixin.qq.com"},
		{"netease", "mail.163.com|help.163.com|qiye.163.com|_dt:spm|_dt:sum_|_dt:rbl_|_hl:|_mi:|_rp:|_wm:bl"},
		{"aliyun", "antispam_bat|_aliyun.com|alimail"},
		{"sina", "mail.sina|sinamail"},
		{"sohu", "mail.sohu.com"},
		{"263", "263xmail.com|263.net"},
		{"139", "mail.10086.cn|mail.139.com"},
		{"coremail", "icoremail.net|_coremail_"},
		{"mailru", "mail.ru"},
		{"yandex", "yandex.ru|yandex.com|yandex.net|ya.cc/"},
		{"rambler", "rambler.ru"},
		{"iua", "mail.i.ua"},
		{"ukrnet", "ukr.net"},
		{"naver", "_nsmtp_|naver.com"},
		{"daum", "_das51|_das52|_das53|_das54|_das5_|cs.daum.net|_rusr_|_ccrt_"},
		{"gmx", "postmaster.gmx|postmaster.web.de|postmaster.1und1|postmaster.mail.com|postmaster.ionos|ionos.com/help|gmx.net/mail|_nemesis_|kundenserver.de"},
		{"tonline", "rx.t-online.de|t-online.de|_(nowl)_"},
		{"orange", "_ofr_|_ofr0|_ofr1|_ofr2|_ofr3|postmaster.orange.fr|smtp.orange.fr"},
		{"laposte", "_lpn0|_lpn1|_lpn_|laposte.net|_lpnaaa"},
		{"free", "postmaster.free.fr"},
		{"sfr", "postmaster.sfr.fr|assistance.sfr.fr"},
		{"libero", "iol.local|libero.it|lib_1|lib_2|lib_6"},
		{"tim", "telecomitalia.it|_alice.it|_tim.it"},
		{"aruba", "aruba.it"},
		{"seznam", "seznam.cz"},
		{"wp", "_wp.pl|o2.pl"},
		{"onet", "onet.pl"},
		{"interia", "interia.pl"},
		{"kpn", "abuse@kpn|kpn.com|kpnmail.nl|xs4all.nl"},
		{"ziggo", "ziggo.nl"},
		{"telenet", "telenet.be|telenet-ops.be"},
		{"proximus", "proximus.be|skynet.be|belgacom.be"},
		{"bt", "btinternet.com"},
		{"virginmedia", "virginmedia.com"},
		{"comcast", "postmaster.comcast.net|spa.xfinity.com|_comcast_"},
		{"charter", "aup#in-|aup#out-|charter.net|security.rr.com|spectrum.net"},
		{"cox", "_cox.com_|www.cox.com|aup#cx|aup#ipbl|aup#cdrbl|aup#urlbl"},
		{"att", "dnsbl:rbl|dnsbl:attrbl|ldap:ou=rblmx|abuse-att.net|att.net/blocks|rbl.att.net"},
		{"earthlink", "earthlink.net"},
		{"godaddy", "_ib1|_ib2|_ib3|_ib4|_ib5|_ib6|_ib7|bizsmtp|secureserver.net|x.co/irbounce"},
		{"cloudmark", "cloudfilter.net"},
		{"rackspace", "emailsrvr.com|(g28)|(g1f)"},
		{"ovh", "ovh.net|ovh.com"},
		{"infomaniak", "infomaniak"},
		{"hostpoint", "hostpoint.ch"},
		{"mxroute", "mxroute|mxrouting"},
		{"mailchannels", "mailchannels"},
		{"improvmx", "improvmx.com"},
		{"forwardemail", "forwardemail.net"},
		{"cloudflare", "mx.cloudflare.net|cloudflare"},
		{"amazonses", "amazonses.com|email address is not verified|_awsapps.com"},
		{"facebook", "postmaster.facebook.com"},
		{"uol", "uol.com.br"},
		{"terra", "terra.com"},
		{"locaweb", "locaweb"},
		{"telstra", "bigpond"},
		{"mimecast", "mimecast"},
		{"proofpoint", "prs.proofpoint.com|ipcheck.proofpoint.com|support.proofpoint.com|pphosted.com|ppe-hosted.com|proofpoint"},
		{"barracuda", "cuda_nsu|barracuda networks|barracudanetworks.com"},
		{"symantec", "symanteccloud.com|messagelabs.com|symantec.com"},
		{"trendmicro", "_ers-dul|_ers-rbl|_ers-qil|ers-customized|trendmicro.com"},
		{"cisco", "iphmx.com"},
		{"fireeye", "_etp205_|_etp208_|fireeyecloud.com"},
		{"sophos", "hydra.sophos.com|sophos.com"},
		{"fortinet", "fortiguard|fortimail|fortispam"},
		{"hornetsecurity", "hornetsecurity|antispameurope"},
		{"vade", "vadesecure|vaderetro"},
		{"spamexperts", "spamrl.com|antispamcloud|spamexperts"},
		{"mailprotector", "emailservice.io"},
		{"zoho", "zoho"},
		{"titan", "titan.email"},
		{"fastmail", "messagingengine.com|fastmail"},
		{"proton", "proton.me|protonmail"},
	}
}

type speaker struct {
	provider bouncehouse.Provider
	words    []int32
}

func newSpeakers(v *vocabulary) []speaker {
	var all []speaker
	for _, s := range speakers() {
		all = append(all, speaker{s.Provider, v.group(s.Words)})
	}
	return all
}

// speaker names the provider by what only its replies say.
func (c *Classifier) speaker(set *wordSet) bouncehouse.Provider {
	for i := range c.speakers {
		if set.any(c.speakers[i].words) {
			return c.speakers[i].provider
		}
	}
	return ""
}
