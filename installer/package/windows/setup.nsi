; The setup program for Windows, compiled by makensis as windows.go calls it, which defines TITLE, NAME, VERSION,
; QUAD, RIGHTS, SIZE, STAGE (the folder of the files), FILES (their list), ICON, OUT and, to sign, SIGN.
;
;   millpond-VERSION-setup.exe [/S] [/CurrentUser | /AllUsers [/NoService]] [/LANG=1033 | /LANG=2052] [/D=FOLDER]
;   uninstall.exe [/S] [/PURGE]
;
; It installs for the person who runs it, without an administrator's rights: the daemon and the tray start at log-on.
; /AllUsers installs into Program Files, which asks for an administrator, and makes the daemon a Windows service for
; all, which each person's tray shows. With /NoService each person's own daemon is set up when they first open
; Millpond. An upgrade leaves that as it is; /Service adds the service to what was installed without. Nothing
; touches the firewall: the daemon listens on the loopback alone.
;
; Exit codes: 0 done; 1 cancelled; 2 failed, and what was installed before is as it was and runs again; 3 installed,
; but the proxy does not run; 740 /AllUsers without an administrator's rights in a silent installation. After 2 and 3
; the reason is in %TEMP%\millpond-setup.log.

Target amd64-unicode
Unicode true
ManifestSupportedOS all
ManifestDPIAware true
ManifestLongPathAware true
AutoCloseWindow true ; with the last page, not with the progress
RequestExecutionLevel user ; /AllUsers asks for more by itself
SetCompressor /SOLID lzma
AllowSkipFiles off

!include MUI2.nsh
!include LogicLib.nsh
!include FileFunc.nsh
!include "${FILES}"

!define RUN "Software\Microsoft\Windows\CurrentVersion\Run"
!define TRAY "MillpondTray" ; as in app/autostart.go
!define UNINSTALL "Software\Microsoft\Windows\CurrentVersion\Uninstall\${TITLE}"
!define NEEDS_ELEVATION 740 ; ERROR_ELEVATION_REQUIRED of Windows

Name "${TITLE}"
BrandingText "${TITLE} ${VERSION}"
OutFile "${OUT}"
InstallDir "$LOCALAPPDATA\Programs\${TITLE}"

VIProductVersion "${QUAD}"
VIFileVersion "${QUAD}"
!macro Describe LANGUAGE
  VIAddVersionKey /LANG=${LANGUAGE} ProductName "${TITLE}"
  VIAddVersionKey /LANG=${LANGUAGE} ProductVersion "${VERSION}"
  VIAddVersionKey /LANG=${LANGUAGE} FileVersion "${VERSION}"
  VIAddVersionKey /LANG=${LANGUAGE} FileDescription "${TITLE} setup"
  VIAddVersionKey /LANG=${LANGUAGE} CompanyName "The ${TITLE} authors"
  VIAddVersionKey /LANG=${LANGUAGE} LegalCopyright "${RIGHTS}"
!macroend

!ifdef SIGN
  !uninstfinalize '"${SIGN}" "%1"' = 0
!endif

Var Mutex ; which says that we run
Var Mode ; user or machine
Var Settled ; 1: nobody has to be asked whom it is for
Var Former ; the folder of the version that is installed, or ""
Var FormerVersion
Var OwnFolder ; where it goes for one person, unless /D= names another
Var Service ; 1: with the service of this computer; 0: without; "" is to be decided
Var DaemonRan ; 1: the daemon of this person ran as their service
Var SystemRan ; 1: the service of this computer ran
Var TrayRan
Var Failed ; the file that could not be replaced, or ""
Var Warning ; what is wrong with what was installed, or ""
Var Code ; of the last program that was asked
Var Said ; what it said
Var ForMe ; controls of the page
Var ForAll
Var AsService
Var Purge ; 1: settings, statistics and logs go as well

!define MUI_ICON "${ICON}"
!define MUI_UNICON "${ICON}"

Page custom ChoosePage ChooseLeave
!define MUI_PAGE_CUSTOMFUNCTION_PRE DirectoryPre
!insertmacro MUI_PAGE_DIRECTORY
!insertmacro MUI_PAGE_INSTFILES
Page custom FinishPage FinishLeave
UninstPage custom un.ConfirmPage un.ConfirmLeave
!insertmacro MUI_UNPAGE_INSTFILES
!insertmacro MUI_LANGUAGE English
!insertmacro MUI_LANGUAGE SimpChinese
!include strings.nsh
!insertmacro Describe ${LANG_ENGLISH}
!insertmacro Describe ${LANG_SIMPCHINESE}

; Ask runs a program of ours without a window; its exit code is in $Code and what it said in $Said.
!macro Ask COMMAND
  nsExec::ExecToStack '${COMMAND}'
  Pop $Code
  Pop $Said
  DetailPrint '${COMMAND}: $Code'
  ${If} $Said != ""
    DetailPrint $Said
  ${EndIf}
!macroend
!define Ask "!insertmacro Ask"

; UseMode makes SHCTX and the folders those of this person or of all.
!macro UseMode
  ${If} $Mode == machine
    SetShellVarContext all
  ${Else}
    SetShellVarContext current
  ${EndIf}
!macroend

; UseLanguage takes the language that was asked for; without it, it is that of Windows.
!macro UseLanguage
  ${GetParameters} $0
  ClearErrors
  ${GetOptions} $0 "/LANG=" $1
  ${IfNot} ${Errors}
    StrCpy $LANGUAGE $1
  ${EndIf}
!macroend

Function .onInit
  System::Call 'kernel32::CreateMutex(p 0, i 0, t "Local\${NAME}-setup") p .r1 ?e'
  Pop $0 ; the error
  StrCpy $Mutex $1
  ${If} $0 = 183 ; ERROR_ALREADY_EXISTS
    MessageBox MB_ICONEXCLAMATION "$(OnlyOne)" /SD IDOK
    SetErrorLevel 2
    Quit
  ${EndIf}
  !insertmacro UseLanguage
  StrCpy $OwnFolder "$LOCALAPPDATA\Programs\${TITLE}" ; which is ProgramData once the mode is that for all
  ReadRegStr $Former HKCU "${UNINSTALL}" InstallLocation
  StrCpy $Mode user
  ${If} $Former == ""
    ReadRegStr $0 HKLM "${UNINSTALL}" InstallLocation
    ${If} $0 != ""
      StrCpy $Mode machine
    ${EndIf}
  ${EndIf}
  ${GetParameters} $0
  ClearErrors
  ${GetOptions} $0 "/AllUsers" $1
  ${IfNot} ${Errors}
    StrCpy $Mode machine
    StrCpy $Settled 1
  ${EndIf}
  ClearErrors
  ${GetOptions} $0 "/CurrentUser" $1
  ${IfNot} ${Errors}
    StrCpy $Mode user
    StrCpy $Settled 1
  ${EndIf}
  ClearErrors
  ${GetOptions} $0 "/Service" $1
  ${IfNot} ${Errors}
    StrCpy $Service 1
  ${EndIf}
  ClearErrors
  ${GetOptions} $0 "/NoService" $1
  ${IfNot} ${Errors}
    StrCpy $Service 0
  ${EndIf}
  Call FindFormer
  ${If} $Mode == machine
    ${If} $Service == ""
    ${AndIf} $Former == ""
      StrCpy $Service 1
    ${EndIf}
    Call NeedAdministrator
    ${If} $Code != 0
      Quit
    ${EndIf}
  ${EndIf}
FunctionEnd

; FindFormer looks for an installation of the chosen kind, and chooses the folder.
Function FindFormer
  !insertmacro UseMode
  ReadRegStr $Former SHCTX "${UNINSTALL}" InstallLocation
  ReadRegStr $FormerVersion SHCTX "${UNINSTALL}" DisplayVersion
  ${If} $Former != ""
    StrCpy $Settled 1
    StrCpy $INSTDIR $Former
  ${ElseIf} $Mode == machine
  ${AndIf} $INSTDIR == $OwnFolder
    StrCpy $INSTDIR "$PROGRAMFILES64\${TITLE}"
  ${EndIf}
  ${If} $Former != ""
  ${AndIfNot} ${FileExists} "$Former\millpondd.exe"
    StrCpy $Former "" ; somebody has removed the files by hand
  ${EndIf}
FunctionEnd

; NeedAdministrator leaves 0 in $Code when we are one. Else it starts us again as one and leaves something else; in a
; silent installation nobody could agree to that.
Function NeedAdministrator
  UserInfo::GetAccountType
  Pop $0
  StrCpy $Code 0
  ${If} $0 == Admin
    Return
  ${EndIf}
  StrCpy $Code ${NEEDS_ELEVATION}
  SetErrorLevel ${NEEDS_ELEVATION}
  ${If} ${Silent}
    Return
  ${EndIf}
  StrCpy $0 "/AllUsers /LANG=$LANGUAGE"
  ${If} $Service == 1
    StrCpy $0 "$0 /Service"
  ${ElseIf} $Service == 0
    StrCpy $0 "$0 /NoService"
  ${EndIf}
  System::Call 'kernel32::CloseHandle(p $Mutex)' ; the other one is the only one now
  ClearErrors
  ExecShell runas "$EXEPATH" "$0"
  ${If} ${Errors}
    MessageBox MB_ICONEXCLAMATION "$(NoAdministrator)"
    Return
  ${EndIf}
  SetErrorLevel 0
FunctionEnd

; The first page asks whom it is for, or says what an upgrade does.
Function ChoosePage
  ${If} $Former != ""
    Call UpgradePage
    Return
  ${EndIf}
  ${If} $Settled == 1
    Abort
  ${EndIf}
  !insertmacro MUI_HEADER_TEXT "$(ChooseTitle)" "$(ChooseSubtitle)"
  nsDialogs::Create 1018
  Pop $0
  ${NSD_CreateRadioButton} 0 6u 100% 12u "$(ForMe)"
  Pop $ForMe
  ${NSD_CreateLabel} 13u 19u 95% 18u "$(ForMeNote)"
  Pop $0
  ${NSD_CreateRadioButton} 0 46u 100% 12u "$(ForAll)"
  Pop $ForAll
  ${NSD_CreateLabel} 13u 59u 95% 18u "$(ForAllNote)"
  Pop $0
  ${NSD_CreateCheckBox} 13u 82u 95% 12u "$(AsService)"
  Pop $AsService
  ${NSD_CreateLabel} 26u 95u 90% 27u "$(AsServiceNote)"
  Pop $0
  ${NSD_OnClick} $ForMe ShowShield
  ${NSD_OnClick} $ForAll ShowShield
  ${If} $Mode == machine
    ${NSD_Check} $ForAll
  ${Else}
    ${NSD_Check} $ForMe
  ${EndIf}
  ${If} $Service != 0
    ${NSD_Check} $AsService
  ${EndIf}
  Push ""
  Call ShowShield
  nsDialogs::Show
FunctionEnd

; ShowShield tells by the shield of Windows that the next step asks for an administrator.
Function ShowShield
  Pop $0 ; the control
  ${NSD_GetState} $ForAll $1
  EnableWindow $AsService $1
  GetDlgItem $0 $HWNDPARENT 1
  UserInfo::GetAccountType
  Pop $2
  ${If} $2 == Admin
    StrCpy $1 0
  ${EndIf}
  SendMessage $0 ${BCM_SETSHIELD} 0 $1
FunctionEnd

Function ChooseLeave
  ${If} $Former != ""
    Return
  ${EndIf}
  StrCpy $Mode user
  StrCpy $Service 0
  ${NSD_GetState} $AsService $1
  ${If} $1 = ${BST_CHECKED}
    StrCpy $Service 1
  ${EndIf}
  ${NSD_GetState} $ForAll $0
  ${If} $0 = ${BST_CHECKED}
    StrCpy $Mode machine
  ${EndIf}
  ${If} $Mode == machine
    Call NeedAdministrator
    ${If} $Code != 0
      GetErrorLevel $0
      ${If} $0 = 0 ; another one of us goes on
        Quit
      ${EndIf}
      Abort
    ${EndIf}
  ${ElseIf} $INSTDIR == "$PROGRAMFILES64\${TITLE}" ; chosen before, and back again
    StrCpy $INSTDIR $OwnFolder
  ${EndIf}
  Call FindFormer
FunctionEnd

Function UpgradePage
  !insertmacro MUI_HEADER_TEXT "$(UpgradeTitle)" "$(UpgradeSubtitle)"
  nsDialogs::Create 1018
  Pop $0
  ${NSD_CreateLabel} 0 6u 100% 60u "$(UpgradeText)"
  Pop $0
  GetDlgItem $0 $HWNDPARENT 1
  SendMessage $0 ${WM_SETTEXT} 0 "STR:$(^InstallBtn)"
  nsDialogs::Show
FunctionEnd

Function DirectoryPre
  ${If} $Former != ""
    Abort
  ${EndIf}
FunctionEnd

Function FinishPage
  !insertmacro MUI_HEADER_TEXT "$(FinishTitle)" "$(FinishSubtitle)"
  nsDialogs::Create 1018
  Pop $0
  StrCpy $1 "$(FinishText)"
  ${If} $SystemRan == 1
    StrCpy $Service 1
  ${EndIf}
  ${If} $Mode == machine
  ${AndIf} $Service == 1 ; which the application shows and does not set up
    StrCpy $1 "$(FinishService)"
  ${EndIf}
  ${NSD_CreateLabel} 0 6u 100% 30u $1
  Pop $0
  ${NSD_CreateCheckBox} 0 42u 100% 12u "$(OpenNow)"
  Pop $ForMe
  ${NSD_Check} $ForMe
  GetDlgItem $0 $HWNDPARENT 1
  SendMessage $0 ${WM_SETTEXT} 0 "STR:$(^CloseBtn)"
  GetDlgItem $0 $HWNDPARENT 2 ; there is nothing to cancel any more
  EnableWindow $0 0
  GetDlgItem $0 $HWNDPARENT 3
  EnableWindow $0 0
  nsDialogs::Show
FunctionEnd

Function FinishLeave
  ${NSD_GetState} $ForMe $0
  ${If} $0 = ${BST_CHECKED}
    Call Open
  ${EndIf}
FunctionEnd

; Tell shows what is wrong, and keeps it for who installs silently. The sentence is on the stack.
Function Tell
  Exch $0
  DetailPrint $0
  FileOpen $1 "$TEMP\${NAME}-setup.log" w
  FileWriteUTF16LE /BOM $1 "$0$\r$\n"
  FileClose $1
  MessageBox MB_ICONEXCLAMATION $0 /SD IDOK
  Pop $0
FunctionEnd

!macro Tell TEXT
  Push "${TEXT}"
  Call Tell
!macroend
!define Tell "!insertmacro Tell"

; What is replaced stands beside the new until all is done: a running program can be renamed, though not replaced.
!macro TakeAway FILE
  Delete "$INSTDIR\${FILE}.old"
  ${If} ${FileExists} "$INSTDIR\${FILE}.old" ; it still runs, for somebody else
    GetTempFileName $0 $INSTDIR
    Delete $0
    Rename "$INSTDIR\${FILE}.old" $0
    Delete /REBOOTOK $0
  ${EndIf}
  ${If} ${FileExists} "$INSTDIR\${FILE}.old"
    StrCpy $Failed "${FILE}.old"
  ${EndIf}
!macroend

!macro Move FROM TO
  Push "${FROM}"
  Push "${TO}"
  Call Move
!macroend
!define Move "!insertmacro Move"

; Move renames a file, the second on the stack, to the first; $Code is not 0 when it cannot. Who looks at a new file,
; such as a scanner for viruses, is waited for.
Function Move
  Exch $1
  Exch
  Exch $0
  Push $2
  ${For} $2 1 50
    StrCpy $Code 0
    ClearErrors
    Rename $0 $1
    ${IfNot} ${Errors}
      ${Break}
    ${EndIf}
    StrCpy $Code 1
    Sleep 100
  ${Next}
  Pop $2
  Pop $0
  Pop $1
FunctionEnd

!macro MoveIn FILE
  ${If} $Failed == ""
    StrCpy $Code 0
    ${If} ${FileExists} "$INSTDIR\${FILE}"
      ${Move} "$INSTDIR\${FILE}" "$INSTDIR\${FILE}.old"
    ${EndIf}
    ${If} $Code = 0
      ${Move} "$INSTDIR\new\${FILE}" "$INSTDIR\${FILE}"
    ${EndIf}
    ${If} $Code != 0
      StrCpy $Failed "${FILE}"
    ${EndIf}
  ${EndIf}
!macroend

!macro MoveBack FILE
  ${If} ${FileExists} "$INSTDIR\${FILE}.old"
    Delete "$INSTDIR\${FILE}"
    Rename "$INSTDIR\${FILE}.old" "$INSTDIR\${FILE}"
  ${EndIf}
!macroend

!macro Forget FILE
  Delete "$INSTDIR\new\${FILE}"
  Push "$INSTDIR\${FILE}.old"
  Call DeleteSoon
!macroend

; DeleteSoon deletes the file on the stack, which the process that has just ended may hold for a moment yet.
!macro DeleteSoon PREFIX
Function ${PREFIX}DeleteSoon
  Exch $0
  Push $1
  ${For} $1 1 50
    Delete $0
    ${IfNot} ${FileExists} $0
      ${Break}
    ${EndIf}
    Sleep 100
  ${Next}
  Pop $1
  Pop $0
FunctionEnd
!macroend
!insertmacro DeleteSoon ""
!insertmacro DeleteSoon un.

Section
  SetErrorLevel 2 ; until it is done
  !insertmacro UseMode
  ClearErrors
  CreateDirectory "$INSTDIR\new"
  ${If} ${Errors}
    ${Tell} "$(CannotWrite)"
    Abort
  ${EndIf}
  SetOutPath "$INSTDIR\new"
  File "${STAGE}\*.*"
  WriteUninstaller "$INSTDIR\new\uninstall.exe"
  ${If} ${Errors}
    ${Tell} "$(CannotWrite)"
    Abort
  ${EndIf}
  SetOutPath $INSTDIR
  Call StopFormer
  !insertmacro EachFile TakeAway
  ${If} $Failed == ""
    !insertmacro EachFile MoveIn
    ${If} $Failed != ""
      !insertmacro EachFile MoveBack
    ${EndIf}
  ${EndIf}
  ${If} $Failed != ""
    Call StartAgain
    ${Tell} "$(CannotReplace)"
    Abort
  ${EndIf}
  Call StartAgain
  ${If} $Code != 0
    StrCpy $Warning $Said
    ${Ask} '"$INSTDIR\millpondd.exe" service stop'
    !insertmacro EachFile MoveBack
    Call StartAgain
    StrCpy $Said $Warning
    ${Tell} "$(NewFails)"
    Abort
  ${EndIf}
  Call Register
  Call StartFirst
  !insertmacro EachFile Forget
  RMDir "$INSTDIR\new"
  SetErrorLevel 0
  ${If} $Warning != ""
    SetErrorLevel 3
    ${Tell} "$(DoesNotRun)"
  ${EndIf}
SectionEnd

Function .onInstFailed
  !insertmacro EachFile Forget
  RMDir "$INSTDIR\new"
  ${If} $Former == ""
    SetOutPath $TEMP ; the present folder stays
    RMDir $INSTDIR
  ${EndIf}
FunctionEnd

; StopFormer ends what runs of the installed version, and notes what did.
Function StopFormer
  ${If} $Former == ""
    Return
  ${EndIf}
  ${Ask} '"$INSTDIR\millpond.exe" quit'
  ${If} $Code = 0
    StrCpy $TrayRan 1
  ${EndIf}
  ${If} $Mode == machine
    ${Ask} '"$INSTDIR\millpondd.exe" service status --system'
    ${If} $Code = 0
      StrCpy $SystemRan 1
      ${Ask} '"$INSTDIR\millpondd.exe" service stop --system'
      ${If} $Code != 0
        StrCpy $Failed millpondd.exe
      ${EndIf}
    ${EndIf}
  ${EndIf}
  ${Ask} '"$INSTDIR\millpondd.exe" service status'
  ${If} $Code = 0
    StrCpy $DaemonRan 1
    ${Ask} '"$INSTDIR\millpondd.exe" service stop'
    ${If} $Code != 0
      StrCpy $Failed millpondd.exe
    ${EndIf}
  ${EndIf}
FunctionEnd

; StartAgain starts what ran before. $Code is not 0 when the daemon does not, and $Said says why.
Function StartAgain
  StrCpy $Code 0
  ${If} $SystemRan == 1
    ${Ask} '"$INSTDIR\millpondd.exe" service start --system'
  ${EndIf}
  ${If} $DaemonRan == 1
  ${AndIf} $Code = 0
    ${Ask} '"$INSTDIR\millpondd.exe" service start'
  ${EndIf}
  ${If} $TrayRan == 1
  ${AndIf} $Code = 0
    Call StartTray
  ${EndIf}
FunctionEnd

; StartFirst sets up what a first installation starts.
Function StartFirst
  ${If} $Mode == machine
    ${If} $Service == 1
    ${AndIf} $SystemRan != 1
      ${Ask} '"$INSTDIR\millpondd.exe" service install --system'
      ${If} $Code != 0
        StrCpy $Warning $Said
      ${EndIf}
    ${EndIf}
    Return
  ${EndIf}
  ${If} $Former != ""
    Return
  ${EndIf}
  WriteRegStr HKCU "${RUN}" ${TRAY} '"$INSTDIR\millpond.exe" --background'
  ${Ask} '"$INSTDIR\millpondd.exe" service install'
  ${If} $Code != 0
    StrCpy $Warning $Said
  ${EndIf}
  Call StartTray
FunctionEnd

; StartTray starts the tray without its window, or asks the desktop to start it, which has no administrator's rights
; and can pass no words.
Function StartTray
  ${If} $Mode == machine
    Call Open
  ${Else}
    Exec '"$INSTDIR\millpond.exe" --background'
  ${EndIf}
FunctionEnd

; Open brings up the window.
Function Open
  ${If} $Mode == machine
    Exec '"$WINDIR\explorer.exe" "$INSTDIR\millpond.exe"'
  ${Else}
    Exec '"$INSTDIR\millpond.exe"'
  ${EndIf}
FunctionEnd

; Register puts it into the Start menu and into the list of what can be uninstalled.
Function Register
  CreateShortcut "$SMPROGRAMS\${TITLE}.lnk" "$INSTDIR\millpond.exe" "" "" "" "" "" "$(Shortcut)"
  WriteRegStr SHCTX "${UNINSTALL}" DisplayName "${TITLE}"
  WriteRegStr SHCTX "${UNINSTALL}" DisplayVersion "${VERSION}"
  WriteRegStr SHCTX "${UNINSTALL}" DisplayIcon "$INSTDIR\millpond.exe"
  WriteRegStr SHCTX "${UNINSTALL}" Publisher "The ${TITLE} authors"
  WriteRegStr SHCTX "${UNINSTALL}" InstallLocation $INSTDIR
  WriteRegStr SHCTX "${UNINSTALL}" UninstallString '"$INSTDIR\uninstall.exe"'
  WriteRegStr SHCTX "${UNINSTALL}" QuietUninstallString '"$INSTDIR\uninstall.exe" /S'
  WriteRegDWORD SHCTX "${UNINSTALL}" EstimatedSize ${SIZE}
  WriteRegDWORD SHCTX "${UNINSTALL}" NoModify 1
  WriteRegDWORD SHCTX "${UNINSTALL}" NoRepair 1
FunctionEnd

Function un.onInit
  !insertmacro UseLanguage
  ClearErrors
  ${GetOptions} $0 "/PURGE" $1
  ${IfNot} ${Errors}
    StrCpy $Purge 1
  ${EndIf}
  StrCpy $Mode user
  ReadRegStr $1 HKLM "${UNINSTALL}" InstallLocation
  ${If} $1 == $INSTDIR
    StrCpy $Mode machine
  ${EndIf}
  !insertmacro UseMode
  UserInfo::GetAccountType
  Pop $1
  ${If} $Mode == machine
  ${AndIf} $1 != Admin
    SetErrorLevel ${NEEDS_ELEVATION}
    ${IfNot} ${Silent}
      ExecShell runas "$INSTDIR\uninstall.exe" $0
    ${EndIf}
    Quit
  ${EndIf}
FunctionEnd

Function un.ConfirmPage
  !insertmacro MUI_HEADER_TEXT "$(UninstallTitle)" "$(UninstallSubtitle)"
  nsDialogs::Create 1018
  Pop $0
  ${NSD_CreateLabel} 0 6u 100% 40u "$(UninstallText)"
  Pop $0
  ${NSD_CreateCheckBox} 0 52u 100% 12u "$(AlsoPurge)"
  Pop $AsService
  ${If} $Purge == 1
    ${NSD_Check} $AsService
  ${EndIf}
  GetDlgItem $0 $HWNDPARENT 1
  SendMessage $0 ${WM_SETTEXT} 0 "STR:$(^UninstallBtn)"
  nsDialogs::Show
FunctionEnd

Function un.ConfirmLeave
  StrCpy $Purge ""
  ${NSD_GetState} $AsService $0
  ${If} $0 = ${BST_CHECKED}
    StrCpy $Purge 1
  ${EndIf}
FunctionEnd

!macro Remove FILE
  Push "$INSTDIR\${FILE}"
  Call un.DeleteSoon
  Delete "$INSTDIR\${FILE}.old"
!macroend

Section Uninstall
  StrCpy $0 ""
  ${If} $Purge == 1
    StrCpy $0 " --purge --yes"
  ${EndIf}
  ${Ask} '"$INSTDIR\millpond.exe" quit --daemon'
  ${Ask} '"$INSTDIR\millpondd.exe" disconnect --all'
  ${Ask} '"$INSTDIR\millpondd.exe" service uninstall$0'
  ${If} $Mode == machine
    ${Ask} '"$INSTDIR\millpondd.exe" service uninstall --system$0'
  ${EndIf}
  Call un.ForgetAtLogOn
  !insertmacro EachFile Remove
  Delete "$INSTDIR\ns*.tmp" ; what TakeAway could not delete
  RMDir "$INSTDIR\new"
  SetOutPath $TEMP ; the present folder stays
  RMDir $INSTDIR
  Delete "$SMPROGRAMS\${TITLE}.lnk"
  DeleteRegKey SHCTX "${UNINSTALL}"
SectionEnd

; un.ForgetAtLogOn removes what starts our programs at log-on, of everyone who is logged on.
Function un.ForgetAtLogOn
  StrCpy $1 0
  StrLen $4 $INSTDIR
  ${Do}
    EnumRegKey $2 HKU "" $1
    ${If} $2 == ""
      ${ExitDo}
    ${EndIf}
    IntOp $1 $1 + 1
    ReadRegStr $3 HKU "$2\${RUN}" ${TRAY}
    StrCpy $3 $3 $4 1 ; what follows the quote
    ${If} $3 == $INSTDIR
      DeleteRegValue HKU "$2\${RUN}" ${TRAY}
    ${EndIf}
    ReadRegStr $3 HKU "$2\${RUN}" ${NAME}
    StrCpy $5 $3 "" 22 ; what follows "conhost.exe --headless"
    StrCpy $3 $5 $4 1
    ${If} $3 == $INSTDIR
      DeleteRegValue HKU "$2\${RUN}" ${NAME}
    ${EndIf}
    StrCpy $3 $5 $4 2 ; in quotes
    ${If} $3 == $INSTDIR
      DeleteRegValue HKU "$2\${RUN}" ${NAME}
    ${EndIf}
  ${Loop}
FunctionEnd
