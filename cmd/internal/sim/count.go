package sim

// Count is the proof that faults were injected.
type Count struct {
	ProcessCrashes  int `json:"processCrashes"`
	PowerCuts       int `json:"powerCuts"`
	OverseerCrashes int `json:"overseerCrashes"`
	PluginCrashes   int `json:"pluginCrashes"`
	Hangs           int `json:"hangs"`
	Partitions      int `json:"partitions"`
	DiskFaults      int `json:"diskFaults"`
	Lies            int `json:"lies"`

	Exits       int `json:"exits"`    // processes that ended by themselves with an error
	Watchdog    int `json:"watchdog"` // processes that the overseer ended
	Quarantined int `json:"quarantined"`

	Sent      uint64 `json:"sent"` // frames between nodes
	Lost      uint64 `json:"lost"`
	Repeated  uint64 `json:"repeated"`
	Reordered uint64 `json:"reordered"`
	Blocked   uint64 `json:"blocked"` // by a partition
	Broken    uint64 `json:"broken"`  // links
}

func (c *Count) add(o Count) {
	for _, n := range []struct{ to, from *int }{
		{&c.ProcessCrashes, &o.ProcessCrashes}, {&c.PowerCuts, &o.PowerCuts}, {&c.OverseerCrashes, &o.OverseerCrashes},
		{&c.PluginCrashes, &o.PluginCrashes}, {&c.Hangs, &o.Hangs}, {&c.Partitions, &o.Partitions}, {&c.DiskFaults, &o.DiskFaults},
		{&c.Lies, &o.Lies}, {&c.Exits, &o.Exits}, {&c.Watchdog, &o.Watchdog}, {&c.Quarantined, &o.Quarantined},
	} {
		*n.to += *n.from
	}
	for _, n := range []struct{ to, from *uint64 }{
		{&c.Sent, &o.Sent}, {&c.Lost, &o.Lost}, {&c.Repeated, &o.Repeated}, {&c.Reordered, &o.Reordered}, {&c.Blocked, &o.Blocked}, {&c.Broken, &o.Broken},
	} {
		*n.to += *n.from
	}
}
