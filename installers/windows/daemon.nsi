; The agent for Windows servers, without the tray app: daemon, command line, service.
; makensis -DVERSION=… -DARCH=x64|arm64 -DFORMAT=… -DPROGRAM=… -DSERVICE=… -DOUT=… [-DWIREGUARD=<folder>] daemon.nsi
Unicode true
ManifestSupportedOS all
ManifestDPIAware true
RequestExecutionLevel admin
!include service.nsh

Name "Gatehouse agent"
OutFile "${OUT}"
InstallDir "${GH_SERVER}"
SetDateSave off
SetCompressor /SOLID lzma
ShowInstDetails show
VIProductVersion "${NUMERIC}.0"
VIAddVersionKey "ProductName" "Gatehouse agent"
VIAddVersionKey "FileDescription" "Setup of the Gatehouse agent"
VIAddVersionKey "FileVersion" "${VERSION}"
VIAddVersionKey "ProductVersion" "${VERSION}"
VIAddVersionKey "LegalCopyright" "Apache-2.0"

!define UNINSTALL "Software\Microsoft\Windows\CurrentVersion\Uninstall\GatehouseAgent"

Page instfiles
UninstPage uninstConfirm
UninstPage instfiles

Function .onInit
  ${IfNot} ${RunningX64}
    MessageBox MB_OK|MB_ICONSTOP "Gatehouse needs a 64-bit Windows." /SD IDOK
    SetErrorLevel 1
    Abort
  ${EndIf}
!if "${ARCH}" == "arm64"
  ${IfNot} ${IsNativeARM64}
    MessageBox MB_OK|MB_ICONSTOP "This setup is for Windows on ARM. Take the one for x64." /SD IDOK
    SetErrorLevel 1
    Abort
  ${EndIf}
!endif
  SetRegView 64
  ; Always there: a folder that others may write to would let them exchange a program that runs as SYSTEM.
  StrCpy $INSTDIR "${GH_SERVER}"
  !insertmacro GatehouseRefuseOtherService "$INSTDIR"
  !insertmacro GatehouseRefuseNewerState ${FORMAT}
FunctionEnd

Section
  !insertmacro GatehouseHandOver "$INSTDIR"
  SetOutPath "$INSTDIR"
  SetOverwrite on
  File "/oname=gatehouse.exe" "${PROGRAM}"
  File "/oname=gatehouse-service.exe" "${SERVICE}"
  File "path.ps1"
!ifdef WIREGUARD
  File "${WIREGUARD}/wireguard-go.exe"
  File "${WIREGUARD}/wintun.dll"
!endif
  !insertmacro GatehouseInstallService "$INSTDIR"
  !insertmacro GatehouseCheckWireGuard "$INSTDIR"
  !insertmacro GatehousePath "$INSTDIR" add
  WriteUninstaller "$INSTDIR\uninstall.exe"
  WriteRegStr HKLM "${UNINSTALL}" "DisplayName" "Gatehouse agent"
  WriteRegStr HKLM "${UNINSTALL}" "DisplayVersion" "${VERSION}"
  WriteRegStr HKLM "${UNINSTALL}" "UninstallString" '"$INSTDIR\uninstall.exe"'
  WriteRegStr HKLM "${UNINSTALL}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /S'
  WriteRegDWORD HKLM "${UNINSTALL}" "NoModify" 1
  WriteRegDWORD HKLM "${UNINSTALL}" "NoRepair" 1
SectionEnd

Function un.onInit
  SetRegView 64
FunctionEnd

Section un.install
  ; The app's setup takes the service over, and this is how it calls (service.nsh).
  ${GetParameters} $R0
  ClearErrors
  ${GetOptions} $R0 "/HANDOVER" $R1
  ${If} ${Errors}
    !insertmacro GatehouseRemoveService "$INSTDIR"
  ${EndIf}
  !insertmacro GatehousePath "$INSTDIR" remove
  Delete "$INSTDIR\path.ps1"
!ifdef WIREGUARD
  Delete "$INSTDIR\wireguard-go.exe"
  Delete "$INSTDIR\wintun.dll"
!endif
  Delete "$INSTDIR\uninstall.exe"
  RMDir "$INSTDIR"
  DeleteRegKey HKLM "${UNINSTALL}"
  !insertmacro GatehousePurge
SectionEnd
