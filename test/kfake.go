package test

import "github.com/twmb/franz-go/pkg/kfake"

// startStandIn starts kfake on a port, over the data that an earlier one left in dir. It syncs every write, so that
// closing it loses no more than a crash of a broker would.
func startStandIn(port int, dir string, config map[string]string) (standIn, error) {
	return kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(port), kfake.DataDir(dir), kfake.SyncWrites(),
		kfake.BrokerConfigs(config))
}
