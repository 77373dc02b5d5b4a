package enrich

import (
	"net/netip"

	"github.com/bouncehouse/bouncehouse"
)

// subjectIP is the address whose reputation is at stake. Inbound it is the
// client's. Outbound it is ours, as surely as it can be known:
//
//  1. the log's own word (local_ip), unless it is loopback or private while
//     the reply or the configuration knows better: behind NAT the remote sees
//     another address than the one that we bound;
//  2. the address that the reply cites, where it is one of ours by
//     configuration: the remote says whom it judged;
//  3. the only egress address there is, where the configuration names one
//     and the remote was reached by the same version of IP.
//
// An address that a reply cites is never taken where no egress is configured:
// forwarders repeat replies about other people's servers, and a stranger
// could then choose what we ask of whom.
func (c *Classifier) subjectIP(e *bouncehouse.Event) netip.Addr {
	if e.Direction == bouncehouse.Inbound {
		return e.RemoteIP
	}
	local := e.LocalIP.Unmap()
	if local.IsValid() && !local.IsPrivate() && !local.IsLoopback() && !local.IsUnspecified() {
		return local
	}
	if cited := e.CitedIP; cited.IsValid() && c.egress[cited] {
		return cited
	}
	if remote := e.RemoteIP.Unmap(); c.only.IsValid() && (!remote.IsValid() || remote.Is4() == c.only.Is4()) {
		return c.only
	}
	return local
}
