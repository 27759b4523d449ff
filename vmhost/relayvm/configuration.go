package relayvm

import (
	"fmt"

	"github.com/reevenet/reeve/internal/core/candidate"
	"github.com/reevenet/reeve/internal/core/scheduler"
)

// Configuration is what the authority of a relay chain can change. A change holds from the next session on. Sizes are
// in bytes; periods are numbers of blocks.
type Configuration struct {
	// BlockIntervalMillis is the time between two blocks when there is nothing that wants one sooner.
	BlockIntervalMillis uint64 `json:"blockIntervalMillis"`
	SessionLength       uint64 `json:"sessionLength"`

	// GroupRotationFrequency is after how many blocks groups move on by a core; 0: never.
	GroupRotationFrequency uint64 `json:"groupRotationFrequency"`
	// ChainAvailabilityPeriod and ThreadAvailabilityPeriod are how long a candidate may take to become available.
	ChainAvailabilityPeriod  uint64 `json:"chainAvailabilityPeriod"`
	ThreadAvailabilityPeriod uint64 `json:"threadAvailabilityPeriod"`
	// ThreadCores are for one candidate at a time; of each, so many claims may wait, for so many blocks after the
	// first.
	ThreadCores         uint32 `json:"threadCores"`
	ThreadRetries       uint32 `json:"threadRetries"`
	SchedulingLookahead uint32 `json:"schedulingLookahead"`

	MaxCodeSize     uint32 `json:"maxCodeSize"`
	MaxHeadDataSize uint32 `json:"maxHeadDataSize"`
	MaxPoVSize      uint32 `json:"maxPovSize"`
	// MaxUpwardMessages of a candidate, and the length of each.
	MaxUpwardMessages    uint32 `json:"maxUpwardMessages"`
	MaxUpwardMessageSize uint32 `json:"maxUpwardMessageSize"`

	// ValidationUpgradeDelay is how many blocks after it is announced new code is in force, ValidationUpgradeFrequency
	// how many must lie between two upgrades, AcceptancePeriod how long old code and included candidates are known.
	ValidationUpgradeDelay     uint64 `json:"validationUpgradeDelay"`
	ValidationUpgradeFrequency uint64 `json:"validationUpgradeFrequency"`
	AcceptancePeriod           uint64 `json:"acceptancePeriod"`

	// ParaDeposit is taken from who registers a para, CodeDeposit for each KiB of code that is uploaded.
	ParaDeposit uint64 `json:"paraDeposit"`
	CodeDeposit uint64 `json:"codeDeposit"`
}

// Most that a configuration may allow: code has to fit an entry of the database, and what is accepted is kept by
// height.
const (
	maxCode        = 4 << 20
	maxThreadCores = 256
	maxPeriod      = 1 << 20
	maxDeposit     = 1 << 40
)

// DefaultConfiguration is that of a development network. Source of the periods: the peer's genesis of 2023.
func DefaultConfiguration() Configuration {
	return Configuration{
		BlockIntervalMillis: 500, SessionLength: 1200,
		GroupRotationFrequency: 20, ChainAvailabilityPeriod: 4, ThreadAvailabilityPeriod: 4,
		ThreadRetries: 3, SchedulingLookahead: 2,
		MaxCodeSize: 3 << 20, MaxHeadDataSize: 32 << 10, MaxPoVSize: 5 << 20,
		MaxUpwardMessages: 16, MaxUpwardMessageSize: 32 << 10,
		ValidationUpgradeDelay: 20, ValidationUpgradeFrequency: 40, AcceptancePeriod: 600,
	}
}

// Check says what is wrong with a configuration.
func (c Configuration) Check() error {
	for _, rule := range []struct {
		name            string
		is, least, most uint64
	}{
		{"blockIntervalMillis", c.BlockIntervalMillis, 1, 24 * 3600 * 1000},
		{"sessionLength", c.SessionLength, 1, maxPeriod},
		{"groupRotationFrequency", c.GroupRotationFrequency, 0, maxPeriod},
		{"chainAvailabilityPeriod", c.ChainAvailabilityPeriod, 1, maxPeriod},
		{"threadAvailabilityPeriod", c.ThreadAvailabilityPeriod, 1, maxPeriod},
		{"threadCores", uint64(c.ThreadCores), 0, maxThreadCores},
		{"threadRetries", uint64(c.ThreadRetries), 0, maxPeriod},
		{"schedulingLookahead", uint64(c.SchedulingLookahead), 0, 64},
		{"maxCodeSize", uint64(c.MaxCodeSize), 1, maxCode},
		{"maxHeadDataSize", uint64(c.MaxHeadDataSize), 1, candidate.MaxHeadData},
		{"maxPovSize", uint64(c.MaxPoVSize), 1, candidate.MaxPoV},
		{"maxUpwardMessages", uint64(c.MaxUpwardMessages), 0, candidate.MaxUpwardMessages},
		{"maxUpwardMessageSize", uint64(c.MaxUpwardMessageSize), 0, candidate.MaxUpwardMessage},
		{"validationUpgradeDelay", c.ValidationUpgradeDelay, 1, maxPeriod},
		{"validationUpgradeFrequency", c.ValidationUpgradeFrequency, 0, maxPeriod},
		{"acceptancePeriod", c.AcceptancePeriod, 1, maxPeriod},
		{"paraDeposit", c.ParaDeposit, 0, maxDeposit}, {"codeDeposit", c.CodeDeposit, 0, maxDeposit},
	} {
		if rule.is < rule.least || rule.is > rule.most {
			return fmt.Errorf("%s is %d; it must be %d to %d", rule.name, rule.is, rule.least, rule.most)
		}
	}
	return nil
}

// params are what the scheduler goes by.
func (c Configuration) params() scheduler.Params {
	return scheduler.Params{
		RotationFrequency: c.GroupRotationFrequency, ChainPeriod: c.ChainAvailabilityPeriod,
		ThreadPeriod: c.ThreadAvailabilityPeriod, ThreadCores: c.ThreadCores, ThreadRetries: c.ThreadRetries,
		Lookahead: c.SchedulingLookahead,
	}
}
