package genesis

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strings"

	"github.com/reevenet/reeve/internal/core/finality"
)

// Limits of a genesis that this program accepts.
const (
	maxValidators = finality.MaxVotes // all of them may have to sign
	maxChains     = 64
)

// Names become parts of paths and URLs.
var name = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// Check returns the first thing that is wrong with g, in a sentence that names it.
func (g *Genesis) Check() error {
	switch {
	case !name.MatchString(g.Network):
		return fmt.Errorf("network %q: %s", g.Network, nameRule)
	case len(g.Validators) == 0:
		return errors.New("there is no validator")
	case len(g.Validators) > maxValidators:
		return fmt.Errorf("%d validators, at most %d are possible", len(g.Validators), maxValidators)
	case len(g.Chains) == 0:
		return errors.New("there is no chain")
	case len(g.Chains) > maxChains:
		return fmt.Errorf("%d chains, at most %d are possible", len(g.Chains), maxChains)
	}
	if err := g.checkValidators(); err != nil {
		return err
	}
	if err := g.checkChains(); err != nil {
		return err
	}
	return g.Consensus.check()
}

const nameRule = "a name has 1 to 32 lower-case letters, digits and dashes and doesn't begin with a dash"

func (g *Genesis) checkValidators() error {
	seen := map[string]string{}
	var total uint64
	for i, v := range g.Validators {
		switch {
		case !name.MatchString(v.Name):
			return fmt.Errorf("validator %d is called %q: %s", i+1, v.Name, nameRule)
		case v.NodeID.IsZero():
			return fmt.Errorf("validator %s has no nodeId", v.Name)
		case v.PublicKey.IsZero():
			return fmt.Errorf("validator %s has no publicKey", v.Name)
		case v.Stake == 0:
			return fmt.Errorf("validator %s has no stake", v.Name)
		case v.Stake > math.MaxInt64-total:
			return fmt.Errorf("the stakes add up to more than %d with validator %s", int64(math.MaxInt64), v.Name)
		case v.Address != "" && !strings.HasPrefix(v.Address, "/"):
			return fmt.Errorf("validator %s: address %q isn't a multiaddr such as /ip4/127.0.0.1/tcp/9651", v.Name,
				v.Address)
		}
		total += v.Stake
		for _, key := range []string{"name " + v.Name, "nodeId " + v.NodeID.String(),
			"publicKey " + v.PublicKey.String()} {
			if other, taken := seen[key]; taken {
				return fmt.Errorf("validators %s and %s have the same %s", other, v.Name, key)
			}
			seen[key] = v.Name
		}
	}
	return nil
}

func (g *Genesis) checkChains() error {
	seen := map[string]bool{}
	relay := ""
	for i, c := range g.Chains {
		switch {
		case c.Parachains && relay != "":
			return fmt.Errorf("chains %s and %s are both said to be the relay chain", relay, c.Name)
		case !name.MatchString(c.Name):
			return fmt.Errorf("chain %d is called %q: %s", i+1, c.Name, nameRule)
		case !name.MatchString(c.VM):
			return fmt.Errorf("chain %s: vm %q: %s", c.Name, c.VM, nameRule)
		case len(c.Genesis) > 0 && !c.GenesisHash.IsZero():
			return fmt.Errorf("chain %s has a genesis here and in a file of its own", c.Name)
		case c.ID.IsZero():
			return fmt.Errorf("chain %s has no id", c.Name)
		case seen[c.Name] || seen[c.ID.String()]:
			return fmt.Errorf("two chains have the name or id of chain %s", c.Name)
		}
		seen[c.Name], seen[c.ID.String()] = true, true
		if c.Parachains {
			relay = c.Name
		}
	}
	return nil
}

// check only finds what can't mean anything; the engine checks the parameters against the regions known to be safe and
// live.
func (c *Consensus) check() error {
	if c == nil || c.K == 0 {
		return nil
	}
	if c.AlphaPreference > c.K || c.AlphaConfidence > c.K {
		return fmt.Errorf("consensus: an alpha above k (%d) can never be reached", c.K)
	}
	return nil
}
