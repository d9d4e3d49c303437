; What the daemon needs on Windows, for the server's setup (daemon.nsi) and for the tray app's (electron-builder's NSIS
; include). Each macro takes the folder that holds gatehouse.exe and gatehouse-service.exe. No plugin but nsExec, and
; every program by its absolute path: NSIS is a 32-bit program, which reaches the 64-bit System32 as SysNative.
!ifndef GATEHOUSE_SERVICE_NSH
!define GATEHOUSE_SERVICE_NSH
!include LogicLib.nsh
!include x64.nsh
!include FileFunc.nsh

!define GH_SERVICE "GatehouseAgent"
!define GH_SYSTEM32 "$WINDIR\SysNative"
; The service's own control code: end, and leave the tunnel standing (service.c).
!define GH_HANDOVER 200
; Where the server's setup installs to. The app has its own folder, and brings the same service.
!define GH_SERVER "$PROGRAMFILES64\Gatehouse Agent"
; Its members may speak to the agent without being administrators (agent/ipc/pipe.ts).
!define GH_GROUP "Gatehouse Users"
; SYSTEM and Administrators, as SIDs: names differ by language.
!define GH_SYSTEM "*S-1-5-18"
!define GH_ADMINISTRATORS "*S-1-5-32-544"

!macro GatehouseRun Command
  nsExec::ExecToLog '${Command}'
  Pop $0
!macroend

; The same, for what must succeed.
!macro GatehouseMust Command What
  !insertmacro GatehouseRun '${Command}'
  ${If} $0 != 0
    MessageBox MB_OK|MB_ICONSTOP "${What} failed ($0). Run the setup as administrator, or look at its details." /SD IDOK
    SetErrorLevel 1
    Abort "${What} failed ($0)"
  ${EndIf}
!macroend

; Refuses where a newer agent wrote the state: nothing was changed yet. Call it from .onInit.
!macro GatehouseRefuseNewerState Format
  SetShellVarContext all
  ClearErrors
  FileOpen $1 "$APPDATA\Gatehouse\format" r
  ${IfNot} ${Errors}
    FileRead $1 $2
    FileClose $1
    IntOp $2 $2 + 0
    ${If} $2 > ${Format}
      MessageBox MB_OK|MB_ICONSTOP "A newer version wrote $APPDATA\Gatehouse (format $2; this one knows ${Format}). Nothing was changed: install a newer version." /SD IDOK
      SetErrorLevel 3
      Abort
    ${EndIf}
  ${EndIf}
!macroend

; Before files are replaced: the running daemon ends and its tunnel stands, and its files can be written.
!macro GatehouseHandOver Folder
  ${If} ${FileExists} "${Folder}\gatehouse-service.exe"
    !insertmacro GatehouseRun '"${GH_SYSTEM32}\sc.exe" control ${GH_SERVICE} ${GH_HANDOVER}'
    ${ForEach} $1 1 60 + 1
      ClearErrors
      Delete "${Folder}\gatehouse.exe"
      Delete "${Folder}\gatehouse-service.exe"
      ${IfNot} ${Errors}
        ${ExitFor}
      ${EndIf}
      Sleep 250
    ${Next}
  ${EndIf}
!macroend

; State and keys: a folder for SYSTEM and Administrators only. One that somebody else has made before is moved aside
; (service.c): its owner could have kept it open.
!macro GatehouseProtectState Folder
  SetShellVarContext all
  !insertmacro GatehouseMust '"${Folder}\gatehouse-service.exe" protect "$APPDATA\Gatehouse"' "Making the state folder"
  !insertmacro GatehouseMust '"${GH_SYSTEM32}\icacls.exe" "$APPDATA\Gatehouse" /setowner ${GH_ADMINISTRATORS} /T /C /Q' "Protecting the state folder"
  !insertmacro GatehouseMust '"${GH_SYSTEM32}\icacls.exe" "$APPDATA\Gatehouse" /reset /T /C /Q' "Protecting the state folder"
  !insertmacro GatehouseMust '"${GH_SYSTEM32}\icacls.exe" "$APPDATA\Gatehouse" /inheritance:r /grant:r ${GH_SYSTEM}:(OI)(CI)F /grant:r ${GH_ADMINISTRATORS}:(OI)(CI)F /Q' "Protecting the state folder"
!macroend

; The group, and whoever installs in it: counts from the next sign-in on. Before the service starts, which looks for it.
; net.exe answers 2 to what is there already. A computer's own account (SYSTEM, in a rollout) is nobody to add.
!macro GatehouseGroup
  !insertmacro GatehouseRun '"${GH_SYSTEM32}\net.exe" localgroup "${GH_GROUP}" /add /comment:"May use the Gatehouse agent of this computer"'
  !insertmacro GatehouseMust '"${GH_SYSTEM32}\net.exe" localgroup "${GH_GROUP}"' "Making the group ${GH_GROUP}"
  UserInfo::GetName
  Pop $1
  ReadEnvStr $2 USERDOMAIN
  StrCpy $3 $1 1 -1
  ${If} $1 != ""
  ${AndIf} $1 != "SYSTEM"
  ${AndIf} $3 != "$$"
    ${If} $2 != ""
      StrCpy $1 "$2\$1"
    ${EndIf}
    !insertmacro GatehouseRun '"${GH_SYSTEM32}\net.exe" localgroup "${GH_GROUP}" "$1" /add'
  ${EndIf}
!macroend

; Registers the service or brings it up to date, and starts it. A failure is answered by a restart.
!macro GatehouseInstallService Folder
  !insertmacro GatehouseProtectState "${Folder}"
  !insertmacro GatehouseGroup
  !insertmacro GatehouseRun '"${GH_SYSTEM32}\sc.exe" create ${GH_SERVICE} binPath= "\"${Folder}\gatehouse-service.exe\"" start= auto obj= LocalSystem depend= Nsi/Tcpip DisplayName= "Gatehouse agent"'
  ${If} $0 == 1073 ; it is there already
    !insertmacro GatehouseMust '"${GH_SYSTEM32}\sc.exe" config ${GH_SERVICE} binPath= "\"${Folder}\gatehouse-service.exe\"" start= auto obj= LocalSystem' "Updating the service"
  ${ElseIf} $0 != 0
    MessageBox MB_OK|MB_ICONSTOP "The service can't be registered ($0). Run the setup as administrator." /SD IDOK
    SetErrorLevel 1
    Abort "sc.exe create: $0"
  ${EndIf}
  !insertmacro GatehouseRun '"${GH_SYSTEM32}\sc.exe" description ${GH_SERVICE} "Keeps the WireGuard tunnel of this device as its controller says."'
  !insertmacro GatehouseRun '"${GH_SYSTEM32}\sc.exe" failure ${GH_SERVICE} reset= 86400 actions= restart/1000/restart/5000/restart/30000'
  !insertmacro GatehouseRun '"${GH_SYSTEM32}\sc.exe" failureflag ${GH_SERVICE} 1'
  !insertmacro GatehouseRun '"${GH_SYSTEM32}\sc.exe" start ${GH_SERVICE}'
  ${If} $0 != 0
  ${AndIf} $0 != 1056 ; it runs already
    DetailPrint "The service did not start ($0): see gatehouse logs."
  ${EndIf}
!macroend

; Ends the service, which takes the tunnel down, and removes it.
!macro GatehouseRemoveService Folder
  !insertmacro GatehouseRun '"${GH_SYSTEM32}\sc.exe" stop ${GH_SERVICE}'
  ${ForEach} $1 1 60 + 1
    ClearErrors
    Delete "${Folder}\gatehouse.exe"
    Delete "${Folder}\gatehouse-service.exe"
    ${IfNot} ${Errors}
      ${ExitFor}
    ${EndIf}
    Sleep 250
  ${Next}
  !insertmacro GatehouseRun '"${GH_SYSTEM32}\sc.exe" delete ${GH_SERVICE}'
!macroend

; The app takes the place of the server's agent: state, group and tunnel stay, its service gets the app's program next.
!macro GatehouseTakeOver
  ${If} ${FileExists} "${GH_SERVER}\uninstall.exe"
    !insertmacro GatehouseHandOver "${GH_SERVER}"
    ; _? makes it run where it lies, so that its end can be waited for; it stays itself.
    !insertmacro GatehouseMust '"${GH_SERVER}\uninstall.exe" /S /HANDOVER _?=${GH_SERVER}' "Replacing the Gatehouse agent"
    Delete "${GH_SERVER}\uninstall.exe"
    RMDir "${GH_SERVER}"
  ${EndIf}
!macroend

; The server's setup leaves a computer alone whose service is another program's, the app's. Call it from .onInit.
!macro GatehouseRefuseOtherService Folder
  ReadRegStr $1 HKLM "SYSTEM\CurrentControlSet\Services\${GH_SERVICE}" "ImagePath"
  ${If} $1 != ""
  ${AndIf} $1 != '"${Folder}\gatehouse-service.exe"'
    MessageBox MB_OK|MB_ICONSTOP "The agent is already on this computer, most likely with the Gatehouse app: $1. Nothing was changed: update the app, or remove it first (this device stays enrolled)." /SD IDOK
    SetErrorLevel 4
    Abort
  ${EndIf}
!macroend

; At a removal that is asked for everything (uninstall.exe /S /PURGE): identity and keys, and the group. Else they stay.
!macro GatehousePurge
  ${GetParameters} $1
  ClearErrors
  ${GetOptions} $1 "/PURGE" $2
  ${IfNot} ${Errors}
    SetShellVarContext all
    RMDir /r "$APPDATA\Gatehouse"
    !insertmacro GatehouseRun '"${GH_SYSTEM32}\net.exe" localgroup "${GH_GROUP}" /delete'
  ${EndIf}
!macroend

; Verb is add or remove. By PowerShell, for NSIS would cut a long PATH off.
!macro GatehousePath Folder Verb
  !insertmacro GatehouseRun '"${GH_SYSTEM32}\WindowsPowerShell\v1.0\powershell.exe" -NoProfile -NonInteractive -ExecutionPolicy Bypass -File "${Folder}\path.ps1" ${Verb} "${Folder}"'
!macroend

; The agent uses WireGuard for Windows (WireGuardNT), else wireguard-go.exe and wintun.dll beside it.
!macro GatehouseCheckWireGuard Folder
  ${IfNot} ${FileExists} "$PROGRAMFILES64\WireGuard\wireguard.exe"
  ${AndIfNot} ${FileExists} "${Folder}\wireguard-go.exe"
    DetailPrint "No WireGuard is installed yet: install WireGuard for Windows; the agent finds it by itself."
  ${EndIf}
!macroend
!endif
