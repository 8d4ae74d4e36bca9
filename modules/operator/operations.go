package operator

import "github.com/ostiary/ostiary/adapters/console"

// The inputs and outputs of the console's operations, under the names that the command line uses.
//
//nolint:revive // each is described where it is declared
type (
	Caller     = console.Caller
	Progress   = console.Progress
	SigningKey = console.SigningKey
	Resealed   = console.Resealed

	Directory            = console.Directory
	DirectoryQuestion    = console.DirectoryQuestion
	DirectoryPassword    = console.DirectoryPassword
	DirectoryStep        = console.DirectoryStep
	DirectoryPlanInput   = console.DirectoryPlanInput
	DirectoryPlanAnswer  = console.DirectoryPlanAnswer
	DirectoryApplication = console.DirectoryApplication

	TPT     = console.TPT
	TPTRole = console.TPTRole
	TPTID   = console.TPTID
	TPTText = console.TPTText

	AuditTrust  = console.AuditTrust
	AuditReport = console.AuditReport

	ImportFile      = console.ImportFile
	ImportProblem   = console.ImportProblem
	ImportResult    = console.ImportResult
	ImportRoleBatch = console.ImportRoleBatch
	ImportUserBatch = console.ImportUserBatch
	ImportSummary   = console.ImportSummary

	AuditCutInput = console.AuditCutInput
	AuditCut      = console.AuditCut
)

// The operations.
var (
	DirectoryList      = console.DirectoryList
	DirectoryCheck     = console.DirectoryCheck
	DirectoryLogin     = console.DirectoryLogin
	DirectoryPlan      = console.DirectoryPlan
	DirectoryApply     = console.DirectoryApply
	KeyRotate          = console.KeyRotate
	KeyReseal          = console.KeyReseal
	TPTCreate          = console.TPTCreate
	TPTList            = console.TPTList
	TPTRevoke          = console.TPTRevoke
	TPTVerify          = console.TPTVerify
	AuditVerify        = console.AuditVerify
	AuditRetain        = console.AuditRetain
	VerifyExport       = console.VerifyExport
	ReadCheckpoints    = console.ReadCheckpoints
	ImportRoles        = console.ImportRoles
	ImportUsers        = console.ImportUsers
	ImportFinish       = console.ImportFinish
	ReadUsersAPIExport = console.ReadUsersAPIExport
	ReadUserLines      = console.ReadUserLines
)
