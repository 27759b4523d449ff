package genesis

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/reevenet/reeve/internal/core/primitives"
)

func sample() *Genesis {
	return &Genesis{
		Network: "test",
		Validators: []Validator{
			{Name: "v1", NodeID: primitives.NodeID{1}, PublicKey: primitives.Hash{11}, Stake: 1,
				Address: "/ip4/127.0.0.1/tcp/9651"},
			{Name: "v2", NodeID: primitives.NodeID{2}, PublicKey: primitives.Hash{12}, Stake: 2},
		},
		Chains: []Chain{{ID: ChainID("test", "kv"), Name: "kv", VM: "kvvm", Genesis: []byte(`{"a":1}`)}},
	}
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "genesis.json")
	want := sample()
	if err := os.WriteFile(path, want.Encode(), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got.TotalStake() != 3 {
		t.Errorf("total stake %d", got.TotalStake())
	}
}

func TestTheHashCoversTheMeaningAndNotTheWhiteSpace(t *testing.T) {
	g := sample()
	squeezed := strings.ReplaceAll(strings.ReplaceAll(string(g.Encode()), "\n", ""), "  ", "")
	same, err := Parse([]byte(squeezed))
	if err != nil {
		t.Fatal(err)
	}
	if same.Hash() != g.Hash() {
		t.Error("white space changed the hash")
	}
	other := sample()
	other.Validators[1].Stake++
	if other.Hash() == g.Hash() {
		t.Error("another stake has the same hash")
	}
}

func TestAChainIsFoundByNameAndByID(t *testing.T) {
	g := sample()
	byName, ok1 := g.Chain("kv")
	byID, ok2 := g.Chain(ChainID("test", "kv").String())
	if !ok1 || !ok2 || byName.ID != byID.ID {
		t.Errorf("by name %v, by id %v", ok1, ok2)
	}
	if _, ok := g.Chain("other"); ok {
		t.Error("found a chain that isn't there")
	}
	if ChainID("test", "kv") == ChainID("test2", "kv") {
		t.Error("chains of two networks share an id")
	}
}

func TestAWrongGenesisIsNamed(t *testing.T) {
	for want, spoil := range map[string]func(*Genesis){
		"network":              func(g *Genesis) { g.Network = "../etc" },
		"no validator":         func(g *Genesis) { g.Validators = nil },
		"no chain":             func(g *Genesis) { g.Chains = nil },
		"v2 has no stake":      func(g *Genesis) { g.Validators[1].Stake = 0 },
		"v2 has no nodeId":     func(g *Genesis) { g.Validators[1].NodeID = primitives.NodeID{} },
		"v2 has no publicKey":  func(g *Genesis) { g.Validators[1].PublicKey = primitives.Hash{} },
		"same nodeId":          func(g *Genesis) { g.Validators[1].NodeID = g.Validators[0].NodeID },
		"same publicKey":       func(g *Genesis) { g.Validators[1].PublicKey = g.Validators[0].PublicKey },
		"same name":            func(g *Genesis) { g.Validators[1].Name = "v1" },
		"isn't a multiaddr":    func(g *Genesis) { g.Validators[0].Address = "127.0.0.1:9651" },
		"add up to more":       func(g *Genesis) { g.Validators[0].Stake = math.MaxInt64; g.Validators[1].Stake = math.MaxInt64 },
		"vm \"../../bin/sh\"":  func(g *Genesis) { g.Chains[0].VM = "../../bin/sh" },
		"chain kv has no id":   func(g *Genesis) { g.Chains[0].ID = primitives.Hash{} },
		"two chains":           func(g *Genesis) { g.Chains = append(g.Chains, g.Chains[0]) },
		"can never be reached": func(g *Genesis) { g.Consensus = &Consensus{K: 5, AlphaConfidence: 6} },
	} {
		g := sample()
		spoil(g)
		if _, err := Parse(g.Encode()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error about %q, got %v", want, err)
		}
	}
}

func TestUnknownFieldsAndTrailingTextAreErrors(t *testing.T) {
	text := string(sample().Encode())
	for _, bad := range []string{
		"", "null", "[]", "{", text + "{}", strings.Replace(text, `"stake"`, `"steak"`, 1),
		strings.Replace(text, `"stake": 1`, `"stake": -1`, 1),
	} {
		if _, err := Parse([]byte(bad)); err == nil {
			t.Errorf("taken for a genesis: %.60q", bad)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(sample().Encode())
	f.Add([]byte(`{"network":"x","validators":[{}],"chains":[{}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		g, err := Parse(text)
		if err != nil {
			return
		}
		again, err := Parse(g.Encode())
		if err != nil || again.Hash() != g.Hash() {
			t.Fatalf("accepted, but not read back: %v", err)
		}
	})
}

func TestTheValidatorsAreASetInTheOrderOfTheirNodes(t *testing.T) {
	g := sample()
	g.Validators[0], g.Validators[1] = g.Validators[1], g.Validators[0]
	set, err := g.Set()
	if err != nil || set.Len() != 2 || set.TotalStake() != 3 {
		t.Fatal(set, err)
	}
	if v := set.At(1); v.Node != (primitives.NodeID{2}) || v.Stake != 2 || v.Key[0] != 12 {
		t.Errorf("the second is %+v", v)
	}
	g.Validators[0].NodeID = g.Validators[1].NodeID
	if _, err := g.Set(); err == nil {
		t.Error("one node is two validators")
	}
}
