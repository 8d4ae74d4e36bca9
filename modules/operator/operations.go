package operator

import "github.com/ostiary/ostiary/adapters/console"

// The inputs and outputs of the operations of an import.
//
//nolint:revive // each is described where it is declared
type (
	Caller          = console.Caller
	ImportFile      = console.ImportFile
	ImportProblem   = console.ImportProblem
	ImportResult    = console.ImportResult
	ImportRoleBatch = console.ImportRoleBatch
	ImportUserBatch = console.ImportUserBatch
	ImportSummary   = console.ImportSummary
)

// The operations.
var (
	ImportRoles        = console.ImportRoles
	ImportUsers        = console.ImportUsers
	ImportFinish       = console.ImportFinish
	ReadUsersAPIExport = console.ReadUsersAPIExport
	ReadUserLines      = console.ReadUserLines
)
