package enrich

import bh "github.com/bouncehouse/bouncehouse"

const (
	refPostfix   = "postfix.org source: smtp_connect.c, smtp_addr.c, smtp_tls"
	refExim      = "exim.org spec: retry and delivery errors"
	refQmail     = "cr.yp.to: qmail-remote(8), qmail-send(8)"
	refSendmail  = "sendmail.org source: sysexits, deliver.c"
	refOpenSMTPD = "opensmtpd source: mta.c"
	refKumo      = "docs.kumomta.com: internal responses"
)

// localRules: what mail servers say themselves where no remote answered, or
// of the way to it.
func localRules() []Rule {
	return []Rule{
		{Name: "local-tls", Class: bh.TLSFailed,
			All: []string{"requiretls|tls handshake|tls session is required|tls is required, but|starttls is required|" +
				"starttls command used|must issue a starttls|must issue starttls|cannot start tls|tls negotiation failed|" +
				"certificate verification failed|certificate not verified|certificate not trusted|" +
				"verification of certificate|does not support tls|tlsa lookup|mta-sts|encryption too weak|" +
				"tls currently unavailable|tls not available|tls connection failed|handshake failure|" +
				"cryptographic failure|tls error on connection|ssl_connect error|peer certificate|" +
				"secure connection required|mandatory tls|encryption required|requires encryption|" +
				"ssl/tls-connection is required|untrusted certificate|no trusted client certificate|" +
				"tls connect failed|tls lookup problem|temporarily failed: tls|certificate has expired|" +
				"deferred: 403|dane validation|can't start tls|start tls again|tls already|requires tls|" +
				"tls is mandatory|tls conversation|without tls|over tls|use starttls"},
			None:    []string{"sasl"},
			Example: "a TLS session is required, but the server did not offer TLS support", Ref: refExim},

		{Name: "local-route", Class: bh.Routing,
			All: []string{"loops back to myself|loops back to me|too many hops|hop count exceeded|mail loop|routing loop|" +
				"loop detected|forwarding loop|unable to find primary relay|best-preference mx|unable to route|" +
				"too many received headers|maximum hop count|mail for <host> loops|relay loop|" +
				"lowest numbered mx record points to local host|config error: mail|message is looping|" +
				"remote host address is the local host|points to itself|point to this host|is the local host|" +
				"back to myself|delivering to myself|mx list for|already passed through|excessive recursion|" +
				"recursive forward|maximum allowed times|forwarded more than|too many forwards|forwarding limit|" +
				"too many redirections|too many received|exceeded max hops|max hops|maximum hops|hop limit|" +
				"hop count|next hop|next-hop|smart host|smarthost|no route found|no route for|no available route|" +
				"cannot find route|control/locals|circular|redirect loop|routing error|route to destination|" +
				"routing failure|no relay|mail exchanger points|mx points|delivered-to line|rfc 1918|" +
				"private network|received: header count|received header count|proxying loops|connect to self|" +
				"connect to myself|deliver to myself|host is myself|dns loop|loopback address|local configuration error|mail loops|misdirected|wrong mail server|wrong server|" +
				"not a mail exchanger for|not an mx for|not configured as final|too many servers|between servers|" +
				"same host"}, None: []string{"rejected by next-hop"},
			Example: "553 5.3.5 mx.example.net. config error: mail loops back to me (MX problem?)", Ref: refSendmail},
		{Name: "local-expired", Class: bh.ClassExpired,
			All: []string{"returned to sender|force-expired|retry timeout exceeded|in the queue too long|message timed out|" +
				"queue too long|delivery time expired|message expired|envelope expired|" +
				"cannot send message for|maximum number of delivery attempts|could not be delivered for|exceeds the expiry time|" +
				"been failing for a long time|all hosts have been failing|could not be sent for|given up after|" +
				"giving up after|could not be delivered within|maximum retries|expired after|queue lifetime|" +
				"try send out of range|retries, giving up|too many retries|retry limit|delivery attempts exhausted|" +
				"exceeded maximum time|maximum time in queue|expired in queue|expired message|queue expir|" +
				"delivery timed out after|queued too long|in queue for too long|retry period|has expired without"},
			Example: "I'm not going to try again; this message has been in the queue too long.", Ref: refQmail},
		{Name: "local-connect", Class: bh.ConnectionFailed,
			All: []string{"connection refused|connection timed out|connection reset|connection timeout|no route to host|" +
				"network is unreachable|network unreachable|host is unreachable|host is down|is not reachable|" +
				"operation timed out|lost connection with|lost connection after|conversation with|" +
				"unable to connect|could not connect|couldn't connect|can not connect to|cannot connect to|wasn't able to establish an smtp connection|" +
				"unable to contact destination|no answer from host|failed to connect|connect failed|" +
				"connection failed|timed out while|timeout while|read timeout|timeout waiting|connection closed|" +
				"connection dropped|remote host closed connection|closed connection in response|command timeout|" +
				"connection died|bad connection|but greeting failed|greeting failed|connection lost|eof from|" +
				"broken pipe|session open for too long|i/o timeout|timed out connecting|smtp connection timeout|" +
				"refused to talk to me: <n> service not available|network error|not responding|did not respond|" +
				"unreachable for too long|timeout after|remote server has closed|address family mismatch|" +
				"idle timeout|timeout exceeded|time limit exceeded|connection aborted|smtp timeout|tried all mxs|" +
				"winsock|no response from|not answering|unable to reach|cannot reach|could not reach|" +
				"could not be contacted|cannot be reached|could not be reached|did not answer|host offline|" +
				"connection unexpectedly|connection interrupted|connection was closed|dropped connection|" +
				"closed unexpectedly|not reachable|could not initiate smtp|did not accept our requests|" +
				"connect successfully|unable to establish|unable to open connection|can't connect|cannot connect|" +
				"could not be established|could not establish|connection error|connect error|connect timed out|" +
				"connect timeout|greeting timeout|tcp connect|socket error|host unreachable|unreachable host|" +
				"end of socket|end of stream|unexpected end of|socket closed|idle time|too long idle|" +
				"are disconnected|been idle|are being terminated"},
			None: []string{"spamhaus|listed|callout|sender verify|listing|reputation|_ib10|blocked|too many|dns|internal|" +
				"filtering|while processing|due to abuse|_loop|banned|reverse|crcp|server is busy|to self|to myself"},
			Example: "connect to mx.example.net[198.51.100.7]:25: Connection refused", Ref: refPostfix},
		{Name: "sendmail-deferred", Class: bh.ConnectionFailed, Code: "0", All: []string{"deferred"},
			None:    []string{"deferred |deferred:|deferred,|deferred(| deferred"},
			Example: "Deferred", Ref: "Sendmail: stat= of a session that was lost without a reply"},
		{Name: "local-spool", Class: bh.Malformed, All: []string{"invalid spool file"}, Example: "Invalid spool file",
			Ref: refOpenSMTPD},
		{Name: "local-lock", Class: bh.RemoteSystem,
			All: []string{"lock failure on|unable to lock|cannot update mailbox|error writing message|error while writing to|" +
				"input/output error|read-only file system|no such file or directory|permission denied|lock busy|" +
				"maillock"}, Code: "0|4",
			Example: `procmail: Lock failure on "/var/virtmail/k/ij/it/kijitora/mailbox.lock" procmail: Error while writing to "/var/virtmail/k/ij/it/kijitora/mailbox`, Ref: "procmail(1)"},
	}
}

// domainRules: what DNS says of the recipient's domain, in the words of our
// own server or the remote's. They stand before the recipient's, whose "does
// not exist" is wider.
func domainRules() []Rule {
	return []Rule{
		{Name: "local-null-mx", Class: bh.DomainAcceptsNoMail,
			All: []string{"null mx|nullmx|does not accept mail|does not accept email|doesn't accept mail|" +
				"does not accept incoming|accepts no mail|no mail is accepted|accepts no email|" +
				"mail is not accepted for|not accept mail for this domain|does not want mail|has no mail service|" +
				"no smtp service here|does not accept any mail|doesn't receive email|does not receive mail|" +
				"sends and receives no email|indicated no smtp service|not used for mail|not used for email|" +
				"not configured to receive mail|inbound mail is not configured|not configured to receive email|not receive email|not accept email|" +
				"not accept mail for|no mail service|does not have mail service|not capable to receive"},
			None:    []string{"sender|envelope from|_user_|recipient|mailbox|_from_|attachment|non-western"},
			Example: "550 Domain nomail.example sends and receives no email (NULL MX)", Ref: "RFC 7505"},
		{Name: "local-no-mx", Class: bh.DomainAcceptsNoMail,
			All:     []string{"no mx record found for domain|_no mx for |no valid mx hosts|mail host is a non-existent"},
			None:    []string{"sender"},
			Example: "550 No MX for example.net", Ref: "github.com/haraka/Haraka outbound"},
		{Name: "dns-try-again", Class: bh.DNSFailure, All: []string{"host not found, try again"},
			Example: "Host or domain name not found. Name service error for name=mx.example.net type=A: Host not found, try again", Ref: refPostfix},
		{Name: "dns-failure", Class: bh.DNSFailure,
			All: []string{"malformed or unexpected name server reply|name service error for name=<host> type=mx: temporary|" +
				"temporary mx lookup|temporary failure in mx lookup|dns lookup failure|lookup failed temporarily|" +
				"responded with code servfail|responded with code refused|host lookup did not complete|" +
				"name server timeout|name server: temporary|temporary dns|dns query has failed|" +
				"temporarily unable to resolve|temporarily unresolvable|lookup timed out|dns error: <n> dns type|" +
				"name service error|dns soft error|dns server returned|dns temporary|dns failure|" +
				"dns server failure|name server failure|dns problem|dns timeout|dns query failed|dns resolution|" +
				"dns resolving|nameserver error|name resolution"},
			None: []string{"host not found |type=a: host not found_|type=mx: host not found_|type=aaaa: host not found_|" +
				"null mx|directory|spf|sender|_dmarc_|query refused|nxdomain|host <host> not found"},
			Example: "Name service error for name=example.org type=MX: Malformed or unexpected name server reply",
			Ref:     refPostfix},
		{Name: "postfix-host-not-found", Class: bh.NoSuchDomain,
			All: []string{"name service error for name=|host or domain name not found|couldn't find any host|" +
				"host unknown (name server|unrouteable address|unrouteable mail domain|unrouteable domain|" +
				"all relevant mx|domain does not exist|no mail servers appear to|no mail servers could be found|non-existent domain|" +
				"nonexistent domain|no such domain|unknown domain|domain unknown|domain not found|" +
				"unknown mail domain|domain is not valid|invalid domain_|host name lookup failed|nxdomain|" +
				"bad destination system|recipient address rejected: domain not found|could not find any mx|" +
				"no host found for domain|mail domain not found|mx for rcpt domain|mx for recipient|mx for the recipient|is not a valid domain|has no mail server|" +
				"no mail exchanger|domain has no|couldn't find a mail exchanger|any mail exchanger|" +
				"invalid mx record|no dns a-data|no matches to nameserver|cannot resolve the ip address of|" +
				"no mail hosts|no mx or a|no a or mx|neither mx nor|no mx or ip|unable to resolve domain|" +
				"cannot resolve domain|can't resolve domain|could not resolve domain|does not resolve to|" +
				"name server entry|no mail server for|no dns entries|domain retired|domain is retired|" +
				"domain no longer|domain is obsolete|domain is no longer|domain obsolete|domain has been retired|" +
				"domain does no longer|domain expired|domain has expired|no mail server found|no mail exchange|" +
				"no such host|is obsolete|broadcast network|bogus mx|loopback network|class d|reserved network|" +
				"no mx found for domain"},
			None: []string{"sender|helo|ehlo|_from_|reverse|tenant|client|mailbox domain|rcpthosts|invalid domain mailbox|" +
				"your ip"},
			Example: "Host or domain name not found. Name service error for name=nonexistent.example type=MX: Host not found", Ref: refPostfix},
		{Name: "host-unknown", Class: bh.NoSuchDomain,
			All:     []string{"host unknown|unknown host|dns lookup failure: host <host> not found|host not found_"},
			None:    []string{"helo|ehlo|client|sender|your|hostname"},
			Example: "550 5.1.2 <user@example.invalid>... Host unknown (Authoritative answer from name server)",
			Ref:     refSendmail},
		{Name: "domain-unknown", Class: bh.NoSuchDomain,
			All: []string{"mail domain|recipient domain|recipient's domain|destination domain|domain name|the domain|" +
				"_domain <host>|this domain",
				"does not exist|doesn't exist|unknown|not found|is not registered|could not be found|has expired|" +
					"is expired|no longer exist|not known"},
			None:    []string{"sender|user|mailbox|account|helo|ehlo|_from_|your|reverse|client|hosted|dmarc"},
			Example: "550 Mail domain mentioned in email address is unknown", Ref: "docs.sendgrid.com: bounce texts"},
	}
}
