/*
 * Runs "gatehouse.exe daemon", which lies beside this program, as a Windows service: the service control manager wants
 * to be answered by a program of a special kind, which Node is not. It does no more than that: starts the daemon, ends it
 * by Ctrl+C (the daemon takes the tunnel down), and ends with it, so that the service's recovery actions start it again.
 * "gatehouse-service.exe protect <folder>" is the setup's, before the service starts: see protect().
 * User control 200 is the handover of an upgrade: the daemon is ended as it is, and its tunnel stands.
 */
#define WIN32_LEAN_AND_MEAN
#define _WIN32_WINNT 0x0601
#include <windows.h>
#include <aclapi.h>
#include <sddl.h>
#include <wchar.h>

#define NAME L"GatehouseAgent"
#define CONTROL_HANDOVER 200
/* The daemon gives itself 8 s. */
#define PATIENCE_MS 12000

static SERVICE_STATUS_HANDLE handle;
static SERVICE_STATUS status = {.dwServiceType = SERVICE_WIN32_OWN_PROCESS};
static HANDLE stop_event, handover_event;

static void report(DWORD state, DWORD exit_code, DWORD wait) {
  static DWORD checkpoint = 1;
  status.dwCurrentState = state;
  status.dwControlsAccepted = state == SERVICE_RUNNING ? SERVICE_ACCEPT_STOP | SERVICE_ACCEPT_PRESHUTDOWN : 0;
  /* ERROR_SERVICE_SPECIFIC_ERROR makes an end a failure, which recovery actions answer. */
  status.dwWin32ExitCode = exit_code == 0 ? NO_ERROR : ERROR_SERVICE_SPECIFIC_ERROR;
  status.dwServiceSpecificExitCode = exit_code;
  status.dwWaitHint = wait;
  status.dwCheckPoint = state == SERVICE_RUNNING || state == SERVICE_STOPPED ? 0 : checkpoint++;
  SetServiceStatus(handle, &status);
}

static DWORD WINAPI control(DWORD code, DWORD type, LPVOID data, LPVOID context) {
  (void)type, (void)data, (void)context;
  switch (code) {
    case SERVICE_CONTROL_STOP:
    case SERVICE_CONTROL_PRESHUTDOWN:
      report(SERVICE_STOP_PENDING, 0, PATIENCE_MS + 3000);
      SetEvent(stop_event);
      return NO_ERROR;
    case CONTROL_HANDOVER:
      report(SERVICE_STOP_PENDING, 0, 3000);
      SetEvent(handover_event);
      return NO_ERROR;
    case SERVICE_CONTROL_INTERROGATE:
      return NO_ERROR;
  }
  return ERROR_CALL_NOT_IMPLEMENTED;
}

/* "C:\...\gatehouse.exe" beside this program. */
static BOOL daemon_path(wchar_t *path, DWORD size) {
  DWORD length = GetModuleFileNameW(NULL, path, size);
  if (length == 0 || length >= size) return FALSE;
  wchar_t *end = wcsrchr(path, L'\\');
  if (end == NULL || (size_t)(end + 1 - path) + wcslen(L"gatehouse.exe") >= size) return FALSE;
  wcscpy(end + 1, L"gatehouse.exe");
  return TRUE;
}

static DWORD run(void) {
  wchar_t path[32768 - 16], line[32768];
  SECURITY_ATTRIBUTES inherit = {sizeof inherit, NULL, TRUE};
  STARTUPINFOW start = {.cb = sizeof start, .dwFlags = STARTF_USESTDHANDLES | STARTF_USESHOWWINDOW, .wShowWindow = SW_HIDE};
  PROCESS_INFORMATION child;
  if (!daemon_path(path, sizeof path / sizeof *path)) return GetLastError();
  _snwprintf(line, sizeof line / sizeof *line, L"\"%ls\" daemon", path);
  /* A console that nobody sees, for Ctrl+C to come through. */
  if (AllocConsole()) ShowWindow(GetConsoleWindow(), SW_HIDE);
  HANDLE nowhere = CreateFileW(L"NUL", GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, &inherit, OPEN_EXISTING, 0, NULL);
  start.hStdInput = start.hStdOutput = start.hStdError = nowhere;
  if (!CreateProcessW(path, line, NULL, NULL, TRUE, 0, NULL, NULL, &start, &child)) return GetLastError();
  CloseHandle(child.hThread);
  /* After the start, for a child inherits it: Ctrl+C is for the daemon, not for this program. */
  SetConsoleCtrlHandler(NULL, TRUE);
  report(SERVICE_RUNNING, 0, 0);

  HANDLE events[] = {child.hProcess, stop_event, handover_event};
  DWORD code = 0;
  switch (WaitForMultipleObjects(3, events, FALSE, INFINITE)) {
    case WAIT_OBJECT_0:
      /* Nobody asked it to end: a failure, whatever it says. */
      GetExitCodeProcess(child.hProcess, &code);
      if (code == 0) code = ERROR_PROCESS_ABORTED;
      break;
    case WAIT_OBJECT_0 + 1:
      GenerateConsoleCtrlEvent(CTRL_C_EVENT, 0);
      if (WaitForSingleObject(child.hProcess, PATIENCE_MS) == WAIT_OBJECT_0) break;
      /* fall through */
    default:
      TerminateProcess(child.hProcess, 1);
      WaitForSingleObject(child.hProcess, 2000);
  }
  CloseHandle(child.hProcess);
  return code;
}

static void WINAPI service_main(DWORD argc, LPWSTR *argv) {
  (void)argc, (void)argv;
  handle = RegisterServiceCtrlHandlerExW(NAME, control, NULL);
  if (handle == NULL) return;
  report(SERVICE_START_PENDING, 0, 10000);
  stop_event = CreateEventW(NULL, TRUE, FALSE, NULL);
  handover_event = CreateEventW(NULL, TRUE, FALSE, NULL);
  DWORD code = stop_event && handover_event ? run() : GetLastError();
  report(SERVICE_STOPPED, code, 0);
}

/* SYSTEM and Administrators, owned by the latter, whatever the folder above hands down. */
#define OWNED L"O:BAG:BAD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)"

/* A folder itself and no link, and an administrator's or the system's. */
static BOOL is_ours(HANDLE folder) {
  BY_HANDLE_FILE_INFORMATION information;
  PSECURITY_DESCRIPTOR descriptor = NULL;
  PSID owner = NULL;
  if (!GetFileInformationByHandle(folder, &information)) return FALSE;
  if (!(information.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY)) return FALSE;
  if (information.dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) return FALSE;
  if (GetSecurityInfo(folder, SE_FILE_OBJECT, OWNER_SECURITY_INFORMATION, &owner, NULL, NULL, NULL, &descriptor) != ERROR_SUCCESS)
    return FALSE;
  BOOL ours = IsWellKnownSid(owner, WinLocalSystemSid) || IsWellKnownSid(owner, WinBuiltinAdministratorsSid);
  LocalFree(descriptor);
  return ours;
}

/*
 * Makes the folder of state and keys. Everyone may make folders in ProgramData: one that somebody else has made before,
 * or a link to elsewhere, is not taken but moved aside, for whoever owns it could open it again later.
 */
static DWORD protect(const wchar_t *folder) {
  SECURITY_ATTRIBUTES own = {sizeof own, NULL, FALSE};
  wchar_t aside[MAX_PATH + 32];
  if (wcslen(folder) >= MAX_PATH) return ERROR_BUFFER_OVERFLOW;
  if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(OWNED, SDDL_REVISION_1, &own.lpSecurityDescriptor, NULL))
    return GetLastError();
  for (DWORD look = 0; look < 5; look++) {
    if (CreateDirectoryW(folder, &own)) return 0;
    if (GetLastError() != ERROR_ALREADY_EXISTS) return GetLastError();
    HANDLE found = CreateFileW(folder, READ_CONTROL | FILE_READ_ATTRIBUTES, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL,
                               OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT, NULL);
    if (found == INVALID_HANDLE_VALUE) return GetLastError();
    BOOL ours = is_ours(found);
    CloseHandle(found);
    if (ours) return 0;
    _snwprintf(aside, sizeof aside / sizeof *aside, L"%ls.untrusted-%lu", folder, GetTickCount() + look);
    if (!MoveFileExW(folder, aside, 0)) return GetLastError();
  }
  return ERROR_ACCESS_DENIED;
}

int wmain(int argc, wchar_t **argv) {
  if (argc == 3 && wcscmp(argv[1], L"protect") == 0) return (int)protect(argv[2]);
  SERVICE_TABLE_ENTRYW table[] = {{NAME, service_main}, {NULL, NULL}};
  /* No folder of the user's is searched for libraries. */
  SetDllDirectoryW(L"");
  if (StartServiceCtrlDispatcherW(table)) return 0;
  return (int)GetLastError();
}
