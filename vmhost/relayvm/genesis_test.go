package relayvm

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/vmhost/database"
	"github.com/reevenet/reeve/vmhost/database/memdb"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

func TestEachThingThatIsWrongInAGenesisIsNamed(t *testing.T) {
	for words, change := range map[string]func(*Genesis){
		"configuration: sessionLength is 0; it must be 1 to": func(g *Genesis) { g.Configuration.SessionLength = 0 },
		"configuration: maxPovSize is":                       func(g *Genesis) { g.Configuration.MaxPoVSize = 1 << 30 },
		"there are 0 validators":                             func(g *Genesis) { g.Validators = nil },
		"validator 0 has no publicKey": func(g *Genesis) {
			g.Validators[0].PublicKey = primitives.Hash{}
		},
		"validator 0 has no nodeId": func(g *Genesis) {
			g.Validators[0].NodeID = primitives.NodeID{}
		},
		"validator 1 has the publicKey of another one": func(g *Genesis) {
			g.Validators[1].PublicKey = g.Validators[0].PublicKey
		},
		"validator 1 has the nodeId of another one": func(g *Genesis) {
			g.Validators[1].NodeID = g.Validators[0].NodeID
		},
		"para 100 is there twice":                      func(g *Genesis) { g.Paras[1].ID = 100 },
		`para 100: kind "shop" isn't known`:            func(g *Genesis) { g.Paras[0].Kind = "shop" },
		"para 100: the head has 32769 bytes":           func(g *Genesis) { g.Paras[0].Head = make([]byte, 32769) },
		"para 100: there is neither code nor codeHash": func(g *Genesis) { g.Paras[0].Code = nil },
		"para 100: codeHash isn't the SHA-256 of code": func(g *Genesis) { g.Paras[0].CodeHash = primitives.Hash{1} },
		"para 100: no code in codes has the hash": func(g *Genesis) {
			g.Paras[0].Code, g.Paras[0].CodeHash = nil, primitives.Hash{1}
		},
		"a code has 3145729 bytes": func(g *Genesis) { g.Codes = [][]byte{make([]byte, 3<<20+1)} },
	} {
		_, err := genesisOf(2, change).Encode()
		contains(t, "", err, words)
	}
	_, err := (&VM{}).Initialize(ctx, &vmsdk.Chain{Genesis: []byte(`{"validator": []}`)}, &database.Batch{})
	contains(t, "a field that isn't known", err, "validator")
	_, err = (&VM{}).Initialize(ctx, &vmsdk.Chain{Genesis: []byte(`{}`), DB: memdb.New().Open()}, &database.Batch{})
	contains(t, "a genesis with nothing in it", err, "the relay chain's genesis: there are 0 validators")
}

func TestAGenesisIsReadableAndMayLeaveOutWhatHasADefault(t *testing.T) {
	g := genesisOf(2, func(g *Genesis) {
		g.Codes = [][]byte{oldCode}
		g.Paras[1].Code, g.Paras[1].CodeHash = nil, primitives.HashOf(oldCode)
	})
	text, err := g.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for _, words := range []string{`"head":"6865616420`, `"nodeId":"NodeID-`, `"maxPovSize":5242880`} {
		if !strings.Contains(string(text), words) {
			t.Errorf("%s isn't in %s", words, text)
		}
	}
	var back Genesis
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(g, &back); diff != "" {
		t.Error(diff)
	}
	m := start(t, []byte(`{"configuration":{"sessionLength":7},"validators":[{"publicKey":"`+strings.Repeat("01", 32)+
		`","nodeId":"`+primitives.NodeID{1}.String()+`"}]}`))
	c := m.last.after.world.config.Active
	if want := DefaultConfiguration(); c.SessionLength != 7 || c.MaxPoVSize != want.MaxPoVSize {
		t.Errorf("%+v", c)
	}
}
