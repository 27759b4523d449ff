package errcode

import "fmt"

// ID is the stable number of a kind of error: REEVE-1203. 10xx is about files and configuration, 11xx about reaching a
// node, 12xx about VM plugins, 13xx about keys, 14xx about what a chain answered, 15xx about the simulator, 16xx about
// proofs that are checked without a node. A number is never used for anything else.
type ID int

// The kinds of errors.
const (
	BadUsage        ID = 1001
	BadConfig       ID = 1002
	DataDirInUse    ID = 1010
	DataDirBroken   ID = 1011
	DataDirMissing  ID = 1012
	GenesisInvalid  ID = 1013
	GenesisMismatch ID = 1014
	PortTaken       ID = 1015
	DataVersion     ID = 1016
	NoSuchNode      ID = 1017
	NoSuchProcess   ID = 1018
	DataDamaged     ID = 1019
	NetworkDiffers  ID = 1020

	NodeUnreachable ID = 1101
	NodeNotReady    ID = 1102
	TookTooLong     ID = 1103
	BusUnreachable  ID = 1104
	ProcessDied     ID = 1105

	PluginMissing      ID = 1201
	PluginBroken       ID = 1202
	PluginIncompatible ID = 1203
	PluginFailedCheck  ID = 1204

	KeyMissing ID = 1301
	KeyBroken  ID = 1302
	KeyExists  ID = 1303

	ChainRefused  ID = 1401
	ChainNotFound ID = 1402
	KeyAbsent     ID = 1404
	ChainHalted   ID = 1403
	NothingProven ID = 1405
	// ChainUnreadable is told to a chain's users over HTTP: the node can't read what it keeps.
	ChainUnreadable ID = 1406
	SimViolation    ID = 1501

	ProofInvalid    ID = 1601
	EvidenceInvalid ID = 1602
)

// Exit codes of the kinds that aren't plain failures.
var exits = map[ID]Code{
	BadUsage: Usage, BadConfig: Usage, GenesisInvalid: Usage, GenesisMismatch: Usage,
	NoSuchNode: Usage, NoSuchProcess: Usage, NetworkDiffers: Usage,
	NodeUnreachable: Unreachable, BusUnreachable: Unreachable, DataDirMissing: Unreachable,
	NodeNotReady: NotReady, TookTooLong: Timeout,
	DataVersion: Incompatible, PluginIncompatible: Incompatible,
	PluginFailedCheck: CheckFailed, SimViolation: CheckFailed, ProofInvalid: CheckFailed, EvidenceInvalid: CheckFailed,
	ChainHalted: SafetyHalt, DataDamaged: SafetyHalt,
}

func (id ID) exit() Code {
	if c, ok := exits[id]; ok {
		return c
	}
	return Failed
}

// String is the form that messages and documentation use.
func (id ID) String() string { return fmt.Sprintf("REEVE-%d", int(id)) }
