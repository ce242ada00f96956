using System.IO;
using UnityEditor;
using UnityEditor.Build;
using UnityEditor.Build.Reporting;
using UnityEngine;

namespace Spark.Platformer2D.Editor
{
    /// <summary>WebGL for low-end machines: gzip, a small heap, stripped engine code. Run from the menu or in batch mode.</summary>
    public static class BuildConfiguration
    {
        public const string ScenePath = "Assets/Spark/Platformer2D/Scenes/Platformer.unity";
        private const string OutputFolder = "Builds/WebGL/Platformer2D";
        private const int InitialMemoryMb = 64;
        private const int MaxMemoryMb = 256;

        [MenuItem("Spark/Platformer 2D/Apply WebGL Settings")]
        public static void Apply()
        {
            PlayerSettings.WebGL.compressionFormat = WebGLCompressionFormat.Gzip;
            // Servers that do not send Content-Encoding: the loader unpacks by itself.
            PlayerSettings.WebGL.decompressionFallback = true;
#if UNITY_2022_3_OR_NEWER
            PlayerSettings.WebGL.initialMemorySize = InitialMemoryMb;
            PlayerSettings.WebGL.maximumMemorySize = MaxMemoryMb;
#else
            PlayerSettings.WebGL.memorySize = MaxMemoryMb;
#endif
            PlayerSettings.WebGL.exceptionSupport = WebGLExceptionSupport.ExplicitlyThrownExceptionsOnly;
            PlayerSettings.WebGL.dataCaching = true;
            PlayerSettings.WebGL.template = "APPLICATION:Default";
            PlayerSettings.stripEngineCode = true;
            PlayerSettings.defaultWebScreenWidth = 960;
            PlayerSettings.defaultWebScreenHeight = 540;
            PlayerSettings.runInBackground = false;
            QualitySettings.vSyncCount = 1;
            QualitySettings.antiAliasing = 0;
            EditorBuildSettings.scenes = new[] { new EditorBuildSettingsScene(ScenePath, true) };
            AssetDatabase.SaveAssets();
        }

        /// <summary>Builds the player; throws when the build fails, so that batch mode ends with an error code.</summary>
        [MenuItem("Spark/Platformer 2D/Build WebGL")]
        public static void BuildWebGL()
        {
            Apply();
            Directory.CreateDirectory(OutputFolder);
            var options = new BuildPlayerOptions
            {
                scenes = new[] { ScenePath },
                locationPathName = OutputFolder,
                target = BuildTarget.WebGL,
                options = BuildOptions.None,
            };
            BuildSummary summary = BuildPipeline.BuildPlayer(options).summary;
            if (summary.result != BuildResult.Succeeded)
                throw new BuildFailedException("The WebGL build ended as " + summary.result + " with " + summary.totalErrors + " errors.");
            Debug.Log("WebGL build: " + summary.outputPath + ", " + summary.totalSize / 1024 + " KB.");
        }
    }
}
