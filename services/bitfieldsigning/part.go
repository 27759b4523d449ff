package bitfieldsigning

import (
	"fmt"
	"time"

	"github.com/reevenet/reeve/internal/process/config"
	"github.com/reevenet/reeve/internal/process/genesis"
	"github.com/reevenet/reeve/internal/process/tuning"
	"github.com/reevenet/reeve/overseer/part"
	"github.com/reevenet/reeve/overseer/subsystem"
)

// section is the name of its settings.
const section = "bitfields"

// settings are its part of the node's settings.
type settings struct {
	Delay time.Duration `koanf:"delay"`
}

// Part is bitfield-signing as a node runs it: with the name of the relay chain.
func Part() part.Part {
	return part.Part{
		Spec:  Spec(Config{}),
		Build: build,
		Settings: config.Section{
			Name: section,
			Settings: []config.Setting{{
				Key: "delay", Default: defaultDelay.String(),
				Usage: "for how long a validator waits for a chunk before it says that it hasn't got it",
			}},
			Check: check,
		},
		Process: part.Process{Tuning: tuning.Profile{Threads: tuning.One}},
		Host:    true,
		Owns:    "which chunks this validator says that it holds: one bitfield for each leaf",
	}
}

// mostDelay is longer than any leaf should last.
const mostDelay = time.Minute

func check(c *config.Config) error {
	var s settings
	if err := c.Section(section, &s); err != nil {
		return err
	}
	if s.Delay < time.Millisecond || s.Delay > mostDelay {
		return fmt.Errorf("%s.delay: %v should be between 1ms and %v", section, s.Delay, mostDelay)
	}
	return nil
}

func build(n part.Node, _ genesis.Chain) (subsystem.Spec, error) {
	var s settings
	if err := n.Config.Section(section, &s); err != nil {
		return subsystem.Spec{}, err
	}
	relay, _ := n.Genesis.RelayChain()
	return Spec(Config{Chain: relay.Name, Delay: s.Delay}), nil
}
